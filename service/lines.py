"""Writes lines in a thread of its own, many at once, so that whoever reads them slowly never stops the event loop."""

import contextlib
import os
import select
import threading
from collections.abc import Callable

_WHOLE = 4096
"""Bytes that a pipe takes in one piece (PIPE_BUF), so that the lines of several processes do not mix."""

_PATIENCE = 10
"""Looks in vain after which the thread sleeps until there is a line."""


class Lines:
    """Collects lines and writes them together; what does not fit any more is counted, and told when there is room.

    May be used by any thread. Whoever makes it closes it.

    :param descriptor: where they are written; stays open.
    :param told: the line that tells how many are missing.
    :param every: seconds for which lines are collected.
    :param most: bytes that wait at most.
    """

    def __init__(
        self, descriptor: int, told: Callable[[int], bytes], *, every: float = 0.1, most: int = 4 * 1024 * 1024
    ) -> None:
        self._descriptor = descriptor
        self._told = told
        self._every = every
        self._most = most
        self._lines: list[bytes] = []
        self._size = 0
        self._missing = 0
        self._closed = False
        self._asleep = False
        """Whether the thread waits until it is called, and no longer looks by itself."""
        self._lock = threading.Lock()
        self._call = threading.Lock()
        """Held, but when the thread is called: no line that can wait costs a change of threads."""
        self._call.acquire()
        self._thread: threading.Thread | None = None

    def write(self, line: bytes, at_once: bool = False) -> None:
        """Takes one line, its end included.

        :param at_once: whether it is written without waiting for others.
        """
        with self._lock:
            if self._closed or self._size + len(line) > self._most:
                self._missing += 1
                return
            self._lines.append(line)
            self._size += len(line)
            if at_once or self._asleep:
                self._wake()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="lines", daemon=True)
                self._thread.start()

    def close(self, within: float = 2.0) -> None:
        """Writes what is left, for so many seconds at most: whoever reads it may have stopped. Takes no more lines."""
        with self._lock:
            self._closed = True
            self._wake()
            thread = self._thread
        if thread is not None:
            thread.join(within)

    def _wake(self) -> None:
        self._asleep = False
        if self._call.locked():
            self._call.release()

    def _run(self) -> None:
        quiet, closed = 0, False
        while not closed:
            self._wait(quiet)
            lines, closed = self._take()
            quiet = 0 if lines else quiet + 1
            for piece in _pieces(lines):
                if not self._write(piece):
                    with self._lock:
                        self._missing += piece.count(b"\n")

    def _wait(self, quiet: int) -> None:
        """Until it is time to look for lines.

        :param quiet: how many times there were none.
        """
        if quiet >= _PATIENCE:
            with self._lock:
                self._asleep = not self._lines
            if self._asleep:
                self._call.acquire()
                return
        self._call.acquire(timeout=self._every)

    def _take(self) -> tuple[list[bytes], bool]:
        """The lines to write now, and whether they are the last."""
        with self._lock:
            lines, self._lines = self._lines, []
            self._size = 0
            missing = self._missing
            if missing and (lines or self._closed):
                self._missing = 0
                lines.append(self._told(missing))
            return lines, self._closed

    def _write(self, data: bytes) -> bool:
        """Whether it could be written: a terminal may have gone, which is no reason to stop."""
        while data:
            try:
                data = data[os.write(self._descriptor, data) :]
            except BlockingIOError:
                # Another process that has the same file open wants it so.
                with contextlib.suppress(OSError):
                    select.select((), (self._descriptor,), ())
            except OSError:
                return False
        return True


def _pieces(lines: list[bytes]) -> list[bytes]:
    """The lines, as many of them together as a pipe takes whole."""
    pieces: list[bytes] = []
    start = size = 0
    for at, line in enumerate(lines):
        if size and size + len(line) > _WHOLE:
            pieces.append(b"".join(lines[start:at]))
            start, size = at, 0
        size += len(line)
    pieces.append(b"".join(lines[start:]))
    return pieces
