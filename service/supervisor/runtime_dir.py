"""The directory of one `parley up`: its sockets and what is rendered for it."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

_PATH_BYTES_MAX = 103
"""What every system takes as a unix socket's path: macOS 103 bytes, Linux 107."""
_LONGEST_NAME = "envoy-admin.sock"
_PREFIX = "parley-"
_RANDOM_CHARACTERS = 8
_LOCK = "in-use"


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


def _base() -> Path:
    places = [Path(place) for place in (os.environ.get("XDG_RUNTIME_DIR"), tempfile.gettempdir(), "/tmp") if place]  # noqa: S108 (mkdtemp makes the directory)
    for place in places:
        longest = place / (_PREFIX + "x" * _RANDOM_CHARACTERS) / _LONGEST_NAME
        if len(os.fsencode(longest)) <= _PATH_BYTES_MAX and os.access(place, os.W_OK | os.X_OK):
            return place
    tried = ", ".join(map(str, places))
    raise RuntimeDirError(
        f"there is no place for sockets: {tried} cannot be written or leave no room for a socket's name; "
        "set XDG_RUNTIME_DIR to a directory of your own with a short path"
    )


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
