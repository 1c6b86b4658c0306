import json
import shlex

import pytest

from service.config import Config, Key, Model
from service.config.values import Address
from service.supervisor.greeting import greeting

KEY = Key(name="a", sha256=("0" * 64,))
HERE = Address("127.0.0.1", 8080)


def command(text: str) -> list[str]:
    """The curl command's words, as a shell reads them."""
    return shlex.split(text.partition("\n\n")[2])


def test_the_command_can_be_copied_and_streams_the_embedded_model() -> None:
    words = command(greeting(Config(), HERE))
    assert words[:3] == ["curl", "-N", "http://127.0.0.1:8080/v1/chat/completions"]
    body = json.loads(words[words.index("--data") + 1])
    assert body["model"] == "local/smollm2-135m-instruct"
    assert body["stream"] is True
    assert not any("authorization" in word for word in words)


def test_where_keys_are_needed_it_shows_the_place_of_one() -> None:
    assert "authorization: Bearer $PARLEY_API_KEY" in command(greeting(Config(keys=(KEY,)), HERE))


@pytest.mark.parametrize(
    ("listen", "base"),
    [
        (Address("0.0.0.0", 80), "http://127.0.0.1:80"),
        (Address("::", 80), "http://[::1]:80"),
        (Address("10.0.0.5", 9000), "http://10.0.0.5:9000"),
    ],
)
def test_the_url_can_be_called_from_this_machine(listen: Address, base: str) -> None:
    assert f"Parley listens on {base} for REST and gRPC" in greeting(Config(keys=(KEY,)), listen)


@pytest.mark.parametrize(
    ("names", "shown"),
    [(["openai/*", "vllm/llama"], "vllm/llama"), (["openai/*"], "openai/MODEL"), ([], "VENDOR/MODEL")],
)
def test_a_model_with_a_name_of_its_own_is_preferred(names: list[str], shown: str) -> None:
    config = Config(models={name: Model() for name in names})
    words = command(greeting(config, HERE))
    assert json.loads(words[words.index("--data") + 1])["model"] == shown
