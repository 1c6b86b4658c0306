import json

import pytest

from service.config import Config, ConfigError
from service.config.load import json_schema, parse

GOOD = """
listen: 0.0.0.0:8080
workers: 2
keys:
  - {name: billing, sha256: "%s", models: ["openai/*"]}
vendors:
  openai: {api_key: {env: OPENAI_API_KEY}}
  vllm: {dialect: vllm, base_url: "http://vllm:8000/v1"}
models:
  openai/*: {}
  vllm/llama-3-8b:
    model: meta-llama/Llama-3-8B
    deployments:
      a: {base_url: "http://vllm-a:8000/v1", weight: 2}
      b: {base_url: "http://vllm-b:8000/v1"}
    timeouts: {connect: 2s, first_token: 500ms, between_chunks: 30, total: 10m}
""" % ("0" * 64)


def test_the_file_of_the_design_is_good() -> None:
    config = parse(GOOD)
    model = config.models["vllm/llama-3-8b"]
    assert model.timeouts is not None
    assert (model.timeouts.connect, model.timeouts.first_token) == (2.0, 0.5)
    assert (model.timeouts.between_chunks, model.timeouts.total) == (30.0, 600.0)
    assert model.deployments["a"].weight == 2
    assert not config.uses_local


@pytest.mark.parametrize("text", ["", "# nothing\n", "{}"])
def test_an_empty_file_is_the_embedded_model_on_loopback(text: str) -> None:
    assert parse(text) == Config()
    assert Config().uses_local
    assert str(Config().listen) == "127.0.0.1:8080"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("wrkers: 2", "1:1: wrkers: unknown key; did you mean workers?"),
        ("workers: 0", "1:10: workers: expected a number from 1 to 256, or auto"),
        ("workers: two", "1:10: workers: expected a number from 1 to 256, or auto"),
        ("workers: true", "1:10: workers: expected a number from 1 to 256, or auto"),
        ("listen: 8080", "1:9: listen: expected an address and a port, such as 127.0.0.1:8080"),
        ("listen: 127.0.0.1:99999", "1:9: listen: expected an address and a port, such as 127.0.0.1:8080"),
        ("listen: example.org:80", "1:9: listen: expected an IP address or localhost, got 'example.org'"),
        ("timeouts: {total: 5 parsecs}", "1:19: timeouts.total: expected a duration above 0, such as 500ms, 2s, 10m"),
        ("timeouts: {total: -1}", "1:19: timeouts.total: expected a duration above 0"),
        ("models:\n  gpt-4o: {}", "2:11: models.gpt-4o: a name without a vendor needs deployments that say"),
        (
            "models:\n  a/b:\n    deployments:\n      x: {wieght: 2}",
            "4:11: models.a/b.deployments.x.wieght: unknown key; did you mean weight?",
        ),
        (
            "vendors: {a: {base_url: 'ftp://x'}}",
            "expected a URL that starts with http://, https://, grpc:// or grpcs://",
        ),
        ("vendors: {a: {api_key: sk-123}}", "1:24: vendors.a.api_key: "),
        ("vendors: {a: {api_key: {}}}", "expected either env or file, such as {env: OPENAI_API_KEY}"),
        ("keys: [{name: x, sha256: abc}]", "1:26: keys[0].sha256: expected the SHA-256 of the key"),
        ("listen: 0.0.0.0:80", "listen: 0.0.0.0:80 can be reached from other machines, so keys are needed"),
        ("workers: 1\nworkers: 2", "2:1: workers: the key is given twice"),
        ("listen: [", "1:10: not YAML: "),
        ("- 1", "Input should be a valid dictionary"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text)
    assert problem in str(caught.value)
    assert str(caught.value).startswith("parley.yaml:")


def test_all_problems_are_said_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        parse("wrkers: 2\nworkers: x\n")
    assert len(caught.value.problems) == 2


def test_a_secret_written_into_the_file_is_not_repeated() -> None:
    with pytest.raises(ConfigError) as caught:
        parse("vendors: {a: {api_key: sk-very-secret}}")
    assert "sk-very-secret" not in str(caught.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "127.9.9.9"])
def test_loopback_needs_no_keys(host: str) -> None:
    assert parse(f"listen: '{host}:80'").keys is None


def test_the_schema_names_every_top_level_key() -> None:
    schema = json.loads(json.dumps(json_schema()))
    assert set(schema["properties"]) == set(Config.model_fields)
    assert schema["additionalProperties"] is False
