"""How much memory a process takes, where the system tells it in /proc."""

from pathlib import Path

_KIB = 1024


def rss_bytes(pid: int, proc: Path = Path("/proc")) -> int | None:
    """Resident memory of a process; None where it has ended, or the system does not tell.

    :param proc: where the system tells it.
    """
    try:
        lines = (proc / str(pid) / "status").read_text().splitlines()
    except OSError:
        return None
    # A process that has ended and was not yet waited for has no such line.
    return next((int(line.split()[1]) * _KIB for line in lines if line.startswith("VmRSS:")), None)
