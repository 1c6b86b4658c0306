"""A process that plays a part: it writes down what happens to it, and behaves as it is told."""

import argparse
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("journal", type=Path, help="every actor appends to it")
    parser.add_argument("--ready", type=Path, help="file to make when it is ready")
    parser.add_argument("--meet", type=Path, help="named pipe: becomes ready only once someone else opened it, too")
    parser.add_argument("--say", default="[]", help="JSON list of lines to print")
    parser.add_argument("--exit", type=int, help="code to exit with instead of becoming ready")
    parser.add_argument("--stubborn", action="store_true", help="ignores SIGTERM")
    parser.add_argument("--heir", type=Path, help="start a process that would live on, and write its id here")
    given = parser.parse_args()

    def write(event: str) -> None:
        with given.journal.open("a") as journal:
            journal.write(f"{given.name} {event}\n")

    def on_term(_number: int, _frame: FrameType | None) -> None:
        write("asked")
        print("asked", flush=True)
        if not given.stubborn:
            write("down")
            sys.exit(0)

    signal.signal(signal.SIGTERM, on_term)
    write(f"up {os.getpid()}")
    for line in json.loads(given.say):
        print(line, flush=True)
    if given.exit is not None:
        sys.exit(given.exit)
    if given.heir:
        heir = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
        given.heir.write_text(str(heir.pid))
    if given.meet:
        # Blocks until both ends are open: opening it for reading and writing would not.
        mode = "r" if given.name.endswith("0") else "w"
        given.meet.open(mode).close()
    if given.ready:
        write("ready")
        given.ready.touch()
    while True:
        signal.pause()


if __name__ == "__main__":
    main()
