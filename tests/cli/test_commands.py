"""The command line, as a person uses it."""

import hashlib
import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from service.cli.main import main
from service.config.load import parse
from tests.vendor import unused_port

COMMANDS = (
    ["up"],
    ["serve"],
    ["status"],
    ["envoy-config"],
    ["chat"],
    ["models"],
    ["key"],
    ["key", "new"],
    ["check"],
    ["schema"],
    ["import"],
    ["import", "litellm"],
)


def run(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(main, list(arguments), env={"PARLEY_SERVER": "", **environment})


@pytest.mark.parametrize("command", [[], *COMMANDS], ids=" ".join)
def test_every_command_has_help_with_an_example(command: list[str]) -> None:
    result = run(*command, "--help")
    assert result.exit_code == 0
    assert re.search(r"Example:\n\s+parley ", result.output)


def test_the_commands_are_those_that_are_tested_here() -> None:
    assert set(main.list_commands(None)) == {command[0] for command in COMMANDS}  # type: ignore[arg-type]


def test_a_new_key_is_let_in_by_the_line_that_comes_with_it() -> None:
    output = run("key", "new", "billing", "--model", "openai/*").output
    key = re.search(r"shown this once: (\S+)", output)
    assert key
    line = output[output.index("  - {") :]
    keys = parse(f"keys:\n{line}").keys
    assert keys is not None
    (entry,) = keys
    assert (entry.name, entry.models) == ("billing", ("openai/*",))
    assert entry.sha256 == (hashlib.sha256(key[1].encode()).hexdigest(),)
    assert key[1] not in run("key", "new", "billing").output


@pytest.mark.parametrize("name", ["a: b", "a'b", "", "a\nb"])
def test_a_name_that_would_break_the_line_is_refused(name: str) -> None:
    assert run("key", "new", name).exit_code == 2


def test_check_says_what_is_wrong_and_where(tmp_path: Path) -> None:
    file = tmp_path / "parley.yaml"
    file.write_text("models:\n  local/smollm2-135m-instruct: {}\n")
    good = run("check", str(file))
    assert (good.exit_code, "good: 1 models" in good.output) == (0, True)
    for text, problem in (
        ("wrkers: 2", f"{file}:1:1: wrkers: unknown key; did you mean workers?"),
        ("models: {opnai/x: {}}", f"{file}: models.opnai/x: the vendor 'opnai' is not known"),
    ):
        file.write_text(text)
        bad = run("check", str(file))
        assert bad.exit_code == 1
        assert problem in bad.output
    missing = run("check", str(tmp_path / "none.yaml"))
    assert missing.exit_code == 1
    assert "the file cannot be read" in missing.output


def test_up_refuses_a_bad_file_before_it_starts_anything(tmp_path: Path) -> None:
    file = tmp_path / "parley.yaml"
    file.write_text("listen: 0.0.0.0:80")
    result = run("up", "--config", str(file))
    assert result.exit_code == 1
    assert "keys are needed" in str(result.output)


def test_the_schema_is_json() -> None:
    assert json.loads(run("schema").output)["title"] == "parley.yaml"


@pytest.mark.parametrize("command", [["chat", "hi"], ["models"]], ids=" ".join)
def test_a_server_that_is_not_there_is_said_in_a_sentence(command: list[str]) -> None:
    server = f"127.0.0.1:{unused_port()}"
    result = run(*command, "--server", server)
    assert result.exit_code == 1
    assert f"no Parley at {server}; start one with `parley up`" in result.output


def test_help_is_not_cut_off() -> None:
    """Each command's sentence stands whole, at the width of a terminal."""
    text = CliRunner().invoke(main, ["--help"], terminal_width=80).output
    assert "..." not in text.partition("Commands:")[2]
    assert "Exit codes:" in text
    for name in main.list_commands(None):  # type: ignore[arg-type]
        assert re.search(rf"^  {name}  ", text, re.MULTILINE), name


@pytest.mark.parametrize("form", ["{}", "http://{}", "http://{}/"])
def test_an_address_is_taken_as_up_prints_it(form: str) -> None:
    server = f"127.0.0.1:{unused_port()}"
    result = run("models", "--server", form.format(server))
    assert (result.exit_code, "no Parley at" in result.output) == (1, True)


def test_an_address_of_another_scheme_is_refused() -> None:
    result = run("models", "--server", "ftp://127.0.0.1:1")
    assert (result.exit_code, "--server: expected HOST:PORT" in result.output) == (1, True)
