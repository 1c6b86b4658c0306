"""Secrets, as the environment and files really hold them."""

from pathlib import Path

import pytest

from service.config import SecretRef


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\n\n"])
def test_a_final_line_end_is_dropped_wherever_it_stands(
    end: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_KEY", f"sk-1{end}")
    (tmp_path / "key").write_text(f"sk-1{end}")
    assert SecretRef(env="A_KEY").read() == SecretRef(file=tmp_path / "key").read() == "sk-1"


@pytest.mark.parametrize("secret", ["sk-\n1", "sk-\t1", "sk-\u00fc", "sk-\u20ac", "sk-\x7f"])
def test_what_no_header_can_hold_is_refused_by_its_place_and_not_shown(
    secret: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_KEY", secret)
    (tmp_path / "key").write_text(secret, encoding="utf-8")
    for place, name in ((SecretRef(env="A_KEY"), "A_KEY"), (SecretRef(file=tmp_path / "key"), str(tmp_path / "key"))):
        with pytest.raises(ValueError, match="holds what no header can") as refused:
            place.read()
        assert name in str(refused.value)
        assert "sk-" not in str(refused.value)


def test_what_is_only_a_line_end_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_KEY", "\n")
    with pytest.raises(ValueError, match="A_KEY is not set"):
        SecretRef(env="A_KEY").read()
