"""Runs a command that dies with its parent, however that ends: a supervisor that was killed leaves no orphans.

Run as a script, `python tether.py PARENT_PID COMMAND …`, because neither the command (Envoy) nor Python code between
fork and exec can be asked to do it. It imports nothing of the service, so that it costs a few milliseconds.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_EXIT_CANNOT_RUN = 127
"""What shells answer for a command that is not there."""


def tethered(argv: Sequence[str]) -> tuple[str, ...]:
    """The command line that runs `argv` bound to the life of the calling thread.

    Only on Linux; elsewhere the command runs unbound.
    """
    return (sys.executable, "-I", "-S", str(Path(__file__).absolute()), str(os.getpid()), *argv)


def main() -> None:
    parent, *argv = sys.argv[1:]
    if sys.platform == "linux":
        # It outlasts the exec below.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != int(parent):
            sys.exit("the parent is gone already")
    try:
        os.execvp(argv[0], argv)  # noqa: S606 (no shell is wanted)
    except OSError as error:
        print(f"cannot run {argv[0]}: {error.strerror}", file=sys.stderr)
        sys.exit(_EXIT_CANNOT_RUN)


if __name__ == "__main__":
    main()
