"""CPU time and memory of a process with all its descendants, from /proc."""

from __future__ import annotations

import contextlib
from pathlib import Path

PROC = Path("/proc")


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


def cpu_seconds(root: int) -> float:
    """Return the CPU time that the tree's living threads have used, of which the kernel counts every nanosecond."""
    return sum(_run_nanoseconds(process) for process in descendants(root)) / 1e9


def peak_megabytes(root: int) -> float:
    """Return the sum of the processes' peak resident sizes; pages that they share count in each."""
    total = 0
    for process in descendants(root):
        try:
            status = (PROC / str(process) / "status").read_text()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    return total / 1024


def _run_nanoseconds(process: int) -> int:
    """Return what the process's threads have run; /proc/PID/stat would tell it in hundredths of a second alone."""
    total = 0
    for thread in (PROC / str(process)).glob("task/*/schedstat"):
        with contextlib.suppress(OSError):
            total += int(thread.read_text().split()[0])
    return total


def _stat(process: int) -> list[str]:
    """Return the fields of /proc/PID/stat after the name, the first being the state; [] where it has ended."""
    try:
        return (PROC / str(process) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
