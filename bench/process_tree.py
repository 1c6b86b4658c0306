"""CPU time and memory of processes with all their descendants, from /proc."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

PROC = Path("/proc")
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def descendants(root: int) -> list[int]:
    """Return the process and all below it; those that end meanwhile are left out."""
    children: dict[int, list[int]] = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found = [root]
    for process in found:
        found += children.get(process, [])
    return found


def cpu_seconds(roots: Iterable[int]) -> dict[str, float]:
    """Return the CPU time that the trees have used until now, user and system, by the name of the program."""
    used: dict[str, float] = {}
    for root in roots:
        for process in descendants(root):
            with contextlib.suppress(OSError):
                name = (PROC / str(process) / "comm").read_text().strip()
                used[name] = used.get(name, 0) + _process_seconds(process)
    return used


def forget_peaks(roots: Iterable[int]) -> None:
    """Let `peak_megabytes` count from now, where the kernel allows it."""
    for root in roots:
        for process in descendants(root):
            with contextlib.suppress(OSError):
                (PROC / str(process) / "clear_refs").write_text("5")


def peak_megabytes(roots: Iterable[int]) -> float:
    """Return the sum of the processes' peak resident sizes; pages that they share count in each."""
    return sum(_status_kilobytes(process, "VmHWM") for root in roots for process in descendants(root)) / 1024


def resident_megabytes(root: int) -> float:
    """Return the sum of the processes' resident sizes now."""
    return sum(_status_kilobytes(process, "VmRSS") for process in descendants(root)) / 1024


def _process_seconds(process: int) -> float:
    """Return a process's CPU time, the larger of two sums that are both a little too small.

    The first is exact but leaves out threads that have ended; the second has them, in whole ticks of 10 ms.
    """
    nanoseconds = 0
    for thread in (PROC / str(process)).glob("task/*/schedstat"):
        with contextlib.suppress(OSError):
            nanoseconds += int(thread.read_text().split()[0])
    fields = _stat(process)
    ticks = int(fields[11]) + int(fields[12]) if fields else 0
    return max(nanoseconds / 1e9, ticks / _TICKS_PER_SECOND)


def _status_kilobytes(process: int, name: str) -> int:
    try:
        status = (PROC / str(process) / "status").read_text()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in status.splitlines() if line.startswith(f"{name}:"))


def _stat(process: int) -> list[str]:
    """Return the fields of /proc/PID/stat after the name, the first being the state; [] where it has ended."""
    try:
        return (PROC / str(process) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
