"""The processes below one, and what they take, from /proc."""

from pathlib import Path

_PROC = Path("/proc")


def find(root: int, part: str) -> list[int]:
    """Those below a process whose command line has this part, in order of their age."""
    parents: dict[int, int] = {}
    for entry in _PROC.iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
    below, found = [root], list[int]()
    for parent in below:
        children = [child for child, of in parents.items() if of == parent]
        below += children
        found += [child for child in children if part in _command(child)]
    return sorted(found)


def rss(pid: int) -> float:
    """Resident memory in MiB."""
    for line in (_PROC / str(pid) / "status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    raise ProcessLookupError(pid)


def descriptors(pid: int) -> int:
    """How many descriptors are open."""
    return sum(1 for _ in (_PROC / str(pid) / "fd").iterdir())


def mapped(pid: int, file: Path) -> bool:
    """Whether a file is mapped into a process."""
    return str(file) in (_PROC / str(pid) / "maps").read_text()


def _command(pid: int) -> str:
    try:
        return (_PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


WORKER = "-m service.worker"
ENGINE = "-m service.local.engine"
ENVOY = "envoy.yaml"
"""What their command lines have."""
