import stat
from pathlib import Path

import pytest

from service.supervisor.runtime_dir import RuntimeDirError, fixed_runtime_dir, in_use, runtime_dir


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
    monkeypatch.setattr("service.supervisor.runtime_dir._LONGEST_PATH", 5)
    with pytest.raises(RuntimeDirError, match="XDG_RUNTIME_DIR"), runtime_dir():
        pytest.fail("a socket would not fit")


def test_a_fixed_one_is_kept_and_only_what_an_instance_makes_in_it_is_removed(tmp_path: Path) -> None:
    place = tmp_path / "run" / "parley"
    with fixed_runtime_dir(place) as path:
        assert path == place
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    for left in ("worker-0.sock", "worker-0-control.sock", "control.sock", "config.json"):
        (place / left).touch()
    (place / "envoy-admin.sock").touch()
    with fixed_runtime_dir(place):
        assert {each.name for each in place.iterdir()} == {"in-use", "envoy-admin.sock"}
        (place / "worker-0.sock").touch()
    assert {each.name for each in place.iterdir()} == {"in-use", "envoy-admin.sock"}


def test_a_fixed_one_is_for_one_instance(tmp_path: Path) -> None:
    with fixed_runtime_dir(tmp_path):
        (tmp_path / "worker-0.sock").touch()
        with pytest.raises(RuntimeDirError, match="in use by another Parley"), fixed_runtime_dir(tmp_path):
            pytest.fail("two would share their sockets")
        assert (tmp_path / "worker-0.sock").exists()


@pytest.mark.parametrize(
    ("name", "problem"), [("x" * 100, "too long a path"), ("file/below", "cannot be used")], ids=["long", "file"]
)
def test_a_fixed_one_that_cannot_be_is_refused(tmp_path: Path, name: str, problem: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RuntimeDirError, match=problem), fixed_runtime_dir(tmp_path / name):
        pytest.fail("there is no such place")


def test_those_in_use_are_found(base: Path) -> None:
    left = base / "parley-left"
    left.mkdir()
    (left / "in-use").touch()
    with runtime_dir() as path:
        (base / "parley-new").mkdir()
        found = [each for each in in_use() if each.parent == base]
        assert found == [path]
    assert [each for each in in_use() if each.parent == base] == []
