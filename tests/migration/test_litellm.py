"""LiteLLM's configurations as parley.yaml: ten of the kind that its documentation shows, with what becomes of them."""

import hashlib
import re
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from service.cli.main import main
from service.config.load import parse
from service.migration.litellm import convert
from service.migration.litellm.advice import ADVICE, advice
from service.migration.litellm.providers import PROVIDERS
from service.routing.table import build

_FOLDER = Path(__file__).parent / "litellm"
_FILES = sorted(path for path in _FOLDER.glob("*.yaml"))
_SECRETS = (
    "sk-a-master-key-in-the-file",
    "sk-proj-a-secret-in-the-file",
    "a-secret-of-langfuse",
    "sk-another-master-key",
    "a-password",
)
_SET = {
    "AZURE_API_BASE": "https://acme.openai.azure.com",
    "SECOND_REGION": "us-west-2",
    "LITELLM_MASTER_KEY": "sk-master",
}
_VARIABLE = re.compile(r"os\.environ/(\w+)")
_KEYS = (
    "AZURE_TENANT_ID AZURE_CLIENT_ID AZURE_CLIENT_SECRET FIREWORKS_API_KEY DEEPINFRA_API_KEY DEEPSEEK_API_KEY".split()
)
_USUAL = "ANTHROPIC_API_KEY AZURE_OPENAI_API_KEY GROQ_API_KEY MISTRAL_API_KEY GPT_4O_LAB_API_KEY".split()


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that the files name is set, unless a test sets it."""
    for name in {name for path in _FILES for name in _VARIABLE.findall(path.read_text())}:
        monkeypatch.delenv(name, raising=False)


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["import", "litellm", *arguments])


def test_there_are_ten_of_them() -> None:
    assert len(_FILES) == 10


@pytest.mark.parametrize("path", _FILES, ids=lambda path: path.stem)
def test_a_file_becomes_what_stands_beside_it(path: Path) -> None:
    converted = convert(path.read_text())
    assert converted.text == path.with_suffix(".expected").read_text()


@pytest.mark.parametrize("path", _FILES, ids=lambda path: path.stem)
def test_what_comes_of_it_can_be_served(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = path.read_text()
    for name in (*_VARIABLE.findall(text), *_KEYS, *_USUAL):
        monkeypatch.setenv(name, _SET.get(name, "a-value-from-the-environment"))
    converted = convert(text)
    models = build(parse(converted.text))
    assert models
    assert "a-value-from-the-environment" not in converted.text
    for secret in _SECRETS:
        assert secret not in converted.text


@pytest.mark.parametrize("path", _FILES, ids=lambda path: path.stem)
def test_nothing_of_it_is_lost_in_silence(path: Path) -> None:
    """Whatever is added anywhere is told of, by its line and path."""
    lines = path.read_text().splitlines()
    tried = 0
    for index, line in enumerate(lines):
        if not (match := re.match(r"( *)(- )?(\w+):( |$)", line)) or "{" in line:
            continue
        indent = " " * (len(match[1]) + len(match[2] or ""))
        added = [*lines[: index + 1], f"{indent}surely_unknown: 1", *lines[index + 1 :]]
        if line.rstrip().endswith(":") or re.search(r"&\w+$", line):
            continue
        notes = convert("\n".join(added)).notes
        told = any(note.line == index + 2 and note.path.endswith(".surely_unknown") for note in notes)
        # Or the entry that it is part of is told of as a whole.
        whole = any(note.text.startswith(("left out", "has no form")) and note.line <= index + 4 for note in notes)
        assert told or whole, (path.name, index + 1, line)
        tried += told
    assert tried


def test_the_master_key_becomes_a_key_of_the_same_secret() -> None:
    converted = convert("general_settings: {master_key: sk-1234}")
    assert yaml.safe_load(converted.text)["keys"] == [
        {"name": "master", "sha256": hashlib.sha256(b"sk-1234").hexdigest()}
    ]
    assert "sk-1234" not in converted.text


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("model_list: [", "config.yaml:1: not YAML: "),
        ("- a\n- b\n", "config.yaml:1: expected a mapping, such as model_list: […]"),
        ("a: 1\nb: *none\n", "config.yaml:2: not YAML: found undefined alias"),
    ],
)
def test_what_is_no_configuration_is_refused_with_its_line(text: str, problem: str, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(text)
    result = _run(str(file))
    assert result.exit_code == 1
    assert problem in result.output


@pytest.mark.parametrize(
    "text",
    [
        "model_list: 3",
        "model_list: [3, {}, {model_name: 1, litellm_params: []}]",
        "model_list: [{model_name: a, litellm_params: {model: openai/a, api_key: [x], rpm: many, timeout: -1}}]",
        "router_settings: [1]\nlitellm_settings: {fallbacks: {a: b}, num_retries: x}\ngeneral_settings: {master_key: 5}",
        "router_settings: {model_group_alias: [a], fallbacks: [{a: b}, c], routing_strategy: 7}",
        "credential_list: [{credential_name: a}]\nmodel_list: [{model_name: b, litellm_params: {litellm_credential_name: z, model: gpt-4o}}]",
        "",
    ],
)
def test_rubbish_in_it_does_not_end_the_import(text: str) -> None:
    parse(convert(text).text)


def test_a_file_is_not_written_over(tmp_path: Path) -> None:
    source, output = _FOLDER / "one_vendor.yaml", tmp_path / "parley.yaml"
    assert _run(str(source), "--output", str(output)).exit_code == 0
    again = _run(str(source), "--output", str(output))
    assert (again.exit_code, "--force" in again.output) == (1, True)
    assert _run(str(source), "--output", str(output), "--force").exit_code == 0


def test_notes_name_the_file_and_the_line() -> None:
    path = _FOLDER / "quick_start.yaml"
    result = _run(str(path))
    assert f"{path}:29: litellm_settings.success_callback: langfuse is not called" in result.stderr
    assert yaml.safe_load(result.stdout)["listen"] == "0.0.0.0:4000"


def test_advice_is_for_the_last_part_of_a_path() -> None:
    assert "database" in advice("general_settings.database_url")
    assert advice("litellm_settings.something") == "has no form here"
    assert all(ADVICE.values())


def test_every_provider_is_a_vendor_here_or_speaks_a_format_of_one() -> None:
    """Vendors and dialects that are named here exist."""
    from service.backends.vendors import DIALECTS, VENDORS  # noqa: PLC0415

    for name, provider in PROVIDERS.items():
        assert provider.vendor in VENDORS if provider.vendor else provider.dialect in DIALECTS, name
