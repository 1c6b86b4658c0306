"""The directory of one instance: its sockets and what is written for its processes."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

_PATH_BYTES_MAX = 103
"""What every system takes as a unix socket's path: macOS 103 bytes, Linux 107."""
_LONGEST_NAME = "worker-255-control.sock"
_LONGEST_PATH = _PATH_BYTES_MAX - len(_LONGEST_NAME) - 1
_PREFIX = "parley-"
_RANDOM_CHARACTERS = 8
_LOCK = "in-use"
_OWN = ("worker-*.sock", "control.sock", "local.sock", "config.json", "config.json.new")
"""What an instance makes in a directory that it does not own alone."""


class RuntimeDirError(Exception):
    """There is no place for the sockets; the message says which were tried."""


@contextmanager
def runtime_dir() -> Generator[Path]:
    """A directory that only its owner can enter, removed at the end with all that is in it.

    It is made under $XDG_RUNTIME_DIR, or else in the place for temporary files, or else in /tmp: the first that can be
    written and leaves room for the name of a socket. What was left there by one that was killed is removed.

    :raises RuntimeDirError: none of them does.
    """
    base = _base()
    _sweep(base)
    path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=base))
    try:
        with (path / "new").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            # It is seen under its name only once it is locked.
            (path / "new").rename(path / _LOCK)
            yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def fixed_runtime_dir(path: Path) -> Generator[Path]:
    """A directory of a given name, made where it is not there, and kept; for one instance at a time.

    What an instance that was killed left in it is removed; what is of others, such as Envoy's socket, is not.

    :raises RuntimeDirError: it cannot be made or written, is in use, or leaves no room for the name of a socket.
    """
    path = path.absolute()
    if not _has_room(path):
        raise RuntimeDirError(
            f"{path} is too long a path for sockets in it; choose one of at most {_LONGEST_PATH} bytes"
        )
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (path / _LOCK).open("a")
    except OSError as error:
        raise RuntimeDirError(f"{path} cannot be used as the runtime directory: {error.strerror}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise RuntimeDirError(
                f"{path} is in use by another Parley: stop that (`parley status --runtime-dir {path}` names it), "
                "or choose another directory"
            ) from None
        _remove_own(path)
        try:
            yield path
        finally:
            _remove_own(path)


def in_use() -> list[Path]:
    """The directories of the instances of this user that `runtime_dir` made and that run now."""
    found = {path for base in _places() for path in base.glob(f"{_PREFIX}*") if _is_locked(path)}
    return sorted(found)


def _places() -> list[Path]:
    named = (os.environ.get("XDG_RUNTIME_DIR"), tempfile.gettempdir(), "/tmp")  # noqa: S108 (mkdtemp makes the directory)
    return [Path(place) for place in named if place]


def _has_room(path: Path) -> bool:
    return len(os.fsencode(path)) <= _LONGEST_PATH


def _base() -> Path:
    for place in _places():
        if _has_room(place / (_PREFIX + "x" * _RANDOM_CHARACTERS)) and os.access(place, os.W_OK | os.X_OK):
            return place
    tried = ", ".join(map(str, _places()))
    raise RuntimeDirError(
        f"there is no place for sockets: {tried} cannot be written or leave no room for a socket's name; "
        "set XDG_RUNTIME_DIR to a directory of your own with a short path"
    )


def _remove_own(path: Path) -> None:
    for pattern in _OWN:
        for file in path.glob(pattern):
            file.unlink(missing_ok=True)


def _is_locked(path: Path) -> bool:
    try:
        with (path / _LOCK).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        # Another user's, or not a directory of ours.
        return False
    return False


def _sweep(base: Path) -> None:
    for path in base.glob(f"{_PREFIX}*"):
        try:
            with (path / _LOCK).open() as lock:
                # The kernel let go of it when its holder ended.
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path, ignore_errors=True)
        except OSError:
            # In use, another user's, or not a directory of ours.
            continue
