"""Runs the whole fault suite and writes docs/faults.md: `make test-faults`, or `python -m tests.faults.run --help`."""

import argparse
import asyncio
import contextlib
import signal
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from tests.faults.part_clock import clock_jumps
from tests.faults.part_cuts import cuts_everywhere
from tests.faults.part_descriptors import descriptor_exhaustion
from tests.faults.part_drain import drain
from tests.faults.part_processes import process_faults
from tests.faults.part_reload import reloads
from tests.faults.part_soak import soak
from tests.faults.part_vendor import retried_faults, vendor_faults
from tests.faults.part_volume import volume
from tests.faults.report import render
from tests.faults.section import Run, Section
from tests.variant import USUAL, chosen

_PAGE = Path(__file__).parents[2] / "docs" / "faults.md"
_PART_LIMIT_S = 900.0

PARTS: Mapping[str, Callable[[Run], Awaitable[Section]]] = {
    "vendor": vendor_faults,
    "retries": retried_faults,
    "cuts": cuts_everywhere,
    "processes": process_faults,
    "drain": drain,
    "reload": reloads,
    "volume": volume,
    "descriptors": descriptor_exhaustion,
    "clock": clock_jumps,
    "soak": soak,
}


async def run_parts(names: list[str], soak_s: float) -> list[tuple[Section, float]]:
    """The sections, each with the seconds that it took; one that breaks is a failure, and the next is run."""
    sections: list[tuple[Section, float]] = []
    for name in names:

        def say(line: str, name: str = name) -> None:
            print(f"{name}: {line}", file=sys.stderr, flush=True)

        say("…")
        started = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="faults-") as folder:
            try:
                async with asyncio.timeout(_PART_LIMIT_S + (soak_s if name == "soak" else 0.0)):
                    section = await PARTS[name](Run(Path(folder), say, soak=soak_s))
            except Exception as error:  # noqa: BLE001  # the other parts are still worth a run
                log = Path(folder) / "parley.log"
                tail = log.read_text()[-2000:] if log.exists() else ""
                say(tail)
                section = Section(name, "It broke off.", (f"{type(error).__name__} {error}",))
        seconds = time.monotonic() - started
        sections.append((section, seconds))
        say(f"{len(section.problems)} failures, {seconds:.0f} s")
        for problem in section.problems:
            say(f"failure: {problem}")
    return sections


def main() -> int:
    """Returns the exit code: 1 where a line failed."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults.run",
        description="Breaks everything that can break, and writes docs/faults.md of what callers saw.",
        epilog="example: python -m tests.faults.run --only vendor --only cuts",
    )
    parser.add_argument("--soak", type=float, default=600.0, metavar="SECONDS", help="how long the soak takes")
    parser.add_argument(
        "--only", action="append", choices=PARTS, help="run this part alone (again: also that); prints, writes nothing"
    )
    arguments = parser.parse_args()
    with contextlib.suppress(asyncio.CancelledError):
        sections = asyncio.run(_until_told(arguments.only or list(PARTS), arguments.soak))
        page = render(sections)
        if arguments.only or chosen() != USUAL:
            print(page)
        else:
            _PAGE.write_text(page)
        return 1 if any(section.problems for section, _ in sections) else 0
    return 1


async def _until_told(names: list[str], soak_s: float) -> list[tuple[Section, float]]:
    """The same, but SIGTERM ends it in order, so that no process is left behind."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await run_parts(names, soak_s)


if __name__ == "__main__":
    sys.exit(main())
