import stat
from pathlib import Path

import pytest

from service.supervisor.runtime_dir import RuntimeDirError, runtime_dir


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path


def test_only_its_owner_can_enter_and_it_is_removed(base: Path) -> None:
    with runtime_dir() as path:
        assert path.parent == base
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
        (path / "worker-0.sock").touch()
    assert list(base.iterdir()) == []


def test_what_a_killed_one_left_is_removed_and_what_is_in_use_is_not(base: Path) -> None:
    left = base / "parley-left"
    left.mkdir()
    (left / "in-use").touch()
    foreign = base / "parley-notes"
    foreign.mkdir()
    with runtime_dir() as first, runtime_dir() as second:
        assert first.is_dir()
        assert second.is_dir()
    assert list(base.iterdir()) == [foreign]


def test_a_place_with_too_long_a_path_is_not_used(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = base / ("x" * 100)
    deep.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(deep))
    with runtime_dir() as path:
        assert path.parent != deep
    monkeypatch.setattr("service.supervisor.runtime_dir._PATH_BYTES_MAX", 5)
    with pytest.raises(RuntimeDirError, match="XDG_RUNTIME_DIR"), runtime_dir():
        pytest.fail("a socket would not fit")
