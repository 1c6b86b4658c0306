"""What an instance says where no person reads along: every line on stderr is one JSON object, whoever it comes from."""

import contextlib
import json
import sys
from datetime import UTC, datetime

_OWN = '{"time":'
"""How the lines of the service's own processes begin, which name their process; see service.log."""


def tell(message: str) -> None:
    """Prints what the supervisor itself has to say."""
    _print(line("parley.supervisor", message))


def relay(process: str, printed: str) -> None:
    """Prints a line of one of its processes."""
    _print(relayed(process, printed))


def line(logger: str, message: str, **fields: str) -> str:
    """A line, without its end."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return json.dumps(
        {"time": now, "level": "info", "logger": logger, "message": message, **fields}, ensure_ascii=False
    )


def relayed(process: str, printed: str) -> str:
    """A process's line as JSON: its own as it is, or a line about what it printed."""
    if printed.startswith(_OWN) and printed.endswith("}"):
        return printed
    return line(f"parley.{process.partition('-')[0]}", printed, process=process)


def _print(text: str) -> None:
    # Who reads along may have gone, which is no reason to fail.
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr, flush=True)
