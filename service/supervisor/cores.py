"""How many cores this process may use, which in a container is less than the machine has."""

import os
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")
_OWN = Path("/proc/self/cgroup")


def usable_cores(cgroups: Path = _CGROUPS, own: Path = _OWN) -> int:
    """Cores by the CPU quota of the control group or of one above it, and by the process's affinity; at least 1.

    Half a core is not counted: the edge runs on the same.

    :param cgroups: where control groups are mounted, of version 2 or 1.
    :param own: the file that says in which of them this process is.
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quotas = [quota for folder in _folders(cgroups, own) if (quota := _quota(folder)) is not None]
    return max(1, int(min([float(allowed), *quotas])))


def _folders(cgroups: Path, own: Path) -> list[Path]:
    """The control groups that bound this process, itself first."""
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return []
    folders: list[Path] = []
    for line in lines:
        _, controllers, name = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        root = cgroups / "cpu" if controllers else cgroups
        # In a container's own namespace the name is that of the host, and the root is the container's.
        inside = root / name.lstrip("/")
        folders += [inside, *(above for above in inside.parents if above.is_relative_to(root))]
    return folders


def _quota(folder: Path) -> float | None:
    try:
        if (version_2 := folder / "cpu.max").is_file():
            quota, period = version_2.read_text().split()
        else:
            quota = (folder / "cpu.cfs_quota_us").read_text().strip()
            period = (folder / "cpu.cfs_period_us").read_text()
        return None if quota in {"max", "-1"} else int(quota) / int(period)
    except (OSError, ValueError):
        return None
