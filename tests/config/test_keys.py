"""Nothing in the file replaces what stands before it."""

import hashlib

import pytest

from service.auth import Keyring
from service.config import ConfigError
from service.config.load import parse
from service.errors import ApiError

A, B = (hashlib.sha256(key).hexdigest() for key in (b"key-a", b"key-b"))


def test_one_caller_may_have_several_keys() -> None:
    keyring = Keyring(parse(f"keys:\n- {{name: shop, sha256: [{A}, {B}]}}").keys)
    assert {keyring.identify(key).name for key in ("key-a", "key-b")} == {"shop"}
    with pytest.raises(ApiError):
        keyring.identify("key-c")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            f"keys:\n- {{name: shop, sha256: {A}, models: [openai/x]}}\n- name: all\n  sha256: {A}\n",
            "parley.yaml:4:11: keys[1].sha256: the same key as that of 'shop'; a key has one entry, with all that",
        ),
        (
            f"keys:\n- {{name: shop, sha256: [{A}, {A}]}}\n",
            "parley.yaml:2:24: keys[0].sha256: the same key as that of 'shop'",
        ),
        (
            f"keys:\n- {{name: shop, sha256: {A}}}\n- {{name: shop, sha256: {B}}}\n",
            "two keys of one caller write sha256: [HASH, HASH] (keys[0].name, line 2)",
        ),
        (
            "vendors:\n  openai:\n    headers:\n      X-Team: a\n      x-team: b\n",
            "parley.yaml:5:15: vendors.openai.headers.x-team: the same header as X-Team",
        ),
        ("models:\n  openai/a: {}\n  openai/a: {}\n", "parley.yaml:3:3: models.openai/a: the key is given twice"),
        ("keys:\n- {name: shop, sha256: [abc]}\n", "keys[0].sha256[0]: expected the SHA-256 of the key in 64"),
        ("keys:\n- {name: shop, sha256: []}\n", "keys[0].sha256: "),
    ],
)
def test_what_is_given_twice_is_refused_with_both_places(text: str, problem: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse(text)
    assert problem in str(refused.value)
