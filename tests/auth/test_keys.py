import pytest

from service.auth import Keyring, hash_key, new_key
from service.config import Key
from service.errors import ApiError, Kind


def test_keys_are_new_each_time_and_known_by_their_hash() -> None:
    first, second = new_key(), new_key()
    assert first != second
    keyring = Keyring([Key(name="a", sha256=(hash_key(first),)), Key(name="b", sha256=(hash_key(second),))])
    assert keyring.identify(first).name == "a"
    assert keyring.identify(second).name == "b"


@pytest.mark.parametrize("key", [None, "", "wrong", "ключ", "\udcff"])
def test_no_key_and_a_wrong_one_are_refused_without_repeating_it(key: str | None) -> None:
    with pytest.raises(ApiError) as caught:
        Keyring([Key(name="a", sha256=(hash_key("right"),))]).identify(key)
    assert caught.value.kind is Kind.INVALID_KEY
    assert not key or key not in caught.value.message


def test_without_keys_everyone_is_let_in_and_with_an_empty_list_nobody() -> None:
    assert Keyring(None).identify(None).name == "anonymous"
    with pytest.raises(ApiError):
        Keyring([]).identify("x")


@pytest.mark.parametrize(
    ("pattern", "model", "allowed"),
    [
        ("*", "openai/gpt-4o", True),
        ("openai/*", "openai/gpt-4o", True),
        ("openai/*", "azure/gpt-4o", False),
        ("openai/gpt-4o", "openai/gpt-4o", True),
        ("openai/gpt-4o", "openai/gpt-4o/eu", True),
        ("openai/gpt-4o", "openai/gpt-4o-mini", False),
    ],
)
def test_a_key_is_good_for_its_models_only(pattern: str, model: str, *, allowed: bool) -> None:
    keyring = Keyring([Key(name="a", sha256=(hash_key("k"),), models=(pattern,))])
    assert keyring.identify("k").may_use(model) is allowed
