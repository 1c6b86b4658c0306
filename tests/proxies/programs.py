"""The proxies, as Debian packages them: `python -m tests.proxies.programs` installs those that are missing, as root."""

import os
import shutil
import subprocess
import sys

PROGRAMS = ("nginx", "haproxy", "tinyproxy")
"""Names of the programs, and of the packages that have them."""

_PATH = f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin"
"""Where Debian has daemons, which not every user's PATH names."""


def path_of(program: str) -> str:
    """Where a program is. FileNotFoundError, with what to do, where it is not installed."""
    found = shutil.which(program, path=_PATH)
    if found is None:
        raise FileNotFoundError(f"{program} is not installed: run `apt-get install {program}` as root")
    return found


def install() -> None:
    """Install what is missing. Needs root, and Debian's archive."""
    missing = [program for program in PROGRAMS if shutil.which(program, path=_PATH) is None]
    if not missing:
        return
    if os.geteuid() != 0:
        sys.exit(f"missing: {', '.join(missing)}; run `apt-get install {' '.join(missing)}` as root")
    print(f"proxies: installing {', '.join(missing)}", file=sys.stderr, flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (("update",), ("install", "--yes", "--no-install-recommends", *missing)):
        subprocess.run(("apt-get", "--quiet", *command), env=environment, stdout=sys.stderr, check=True)


if __name__ == "__main__":
    install()
