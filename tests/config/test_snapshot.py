import hashlib
import stat
from pathlib import Path

import pytest

from service.config import Config, ConfigError
from service.config.load import parse
from service.config.secret_files import secret_files
from service.config.snapshot import Snapshot

TEXT = "models: {openai/x: {}}  # é\r\n"


def test_it_is_the_very_bytes_of_the_file_wherever_it_is_read(tmp_path: Path) -> None:
    file, copy = tmp_path / "parley.yaml", tmp_path / "config.json"
    file.write_bytes(TEXT.encode())
    snapshot = Snapshot.of(file, 7)
    snapshot.write(copy)
    file.write_text("models: {}")
    read = Snapshot.read(copy)
    assert read == snapshot
    assert (read.generation, read.source) == (7, str(file))
    assert read.sha256 == hashlib.sha256(TEXT.encode()).hexdigest()
    assert read.config() == parse(TEXT)
    assert read.loaded().sha256 == read.sha256


def test_it_is_replaced_by_rename_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    copy = tmp_path / "config.json"
    (tmp_path / "config.json.new").write_text("left by one that was killed")
    Snapshot(1, "f", "").write(copy)
    with copy.open() as old:
        Snapshot(2, "f", TEXT).write(copy)
        assert '"generation":1' in old.read()
    assert Snapshot.read(copy).generation == 2
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [copy]


def test_without_a_file_it_is_the_default() -> None:
    assert Snapshot.of(None).config() == Config()


@pytest.mark.parametrize("data", [None, b"\xff"], ids=["missing", "not text"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, data: bytes | None) -> None:
    file = tmp_path / "parley.yaml"
    if data is not None:
        file.write_bytes(data)
    with pytest.raises(ConfigError, match=f"{file}:1:1: the file cannot be read"):
        Snapshot.of(file)


def test_the_files_of_all_secrets_are_found() -> None:
    config = parse("""
vendors:
  openai: {api_key: {file: /one}}
  v: {dialect: openai, base_url: "http://v/v1", api_key: {env: X}}
models:
  openai/x: {deployments: {a: {api_key: {file: two}}, b: {api_key: {file: /one}}, c: {}}}
""")
    assert set(secret_files(config)) == {Path("/one"), Path("two")}
