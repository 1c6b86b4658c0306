"""JSON log lines on stderr, one for each event."""

import atexit
import functools
import json
import logging
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType

import orjson

from service.lines import Lines

LEVEL = "PARLEY_LOG_LEVEL"
"""Environment variable: debug, info (the default), warning or error."""

STDERR = 2

_LEVELS = MappingProxyType(
    {level: logging.getLevelName(level).lower() for level in (logging.INFO, logging.WARNING, logging.ERROR)}
)
"""What the levels of nearly all lines are called."""


@dataclass(frozen=True, slots=True)
class Log:
    """Makes the lines of one process: a JSON object each, with time, level, logger, message and what else is known."""

    write: Callable[[bytes, bool], None]
    """Takes a line, and whether it has to be out at once."""
    level: int = logging.INFO
    """What is logged, from this level of logging's up."""
    process: str = ""
    """The name of the process, which is said in each line; empty: it is not said."""

    def tell(
        self,
        level: int,
        logger: str,
        message: str,
        fields: Mapping[str, object],
        *,
        at: float | None = None,
    ) -> None:
        """Writes a line, warnings and errors at once.

        :param at: when it happened, in seconds since 1970. Default: now.
        """
        self.write(self.line(level, logger, message, fields, time.time() if at is None else at), level > logging.INFO)

    def line(self, level: int, logger: str, message: str, fields: Mapping[str, object], at: float) -> bytes:
        """A line with its end."""
        told: dict[str, object] = {
            "time": f"{_date_and_time(int(at))}.{int(at % 1 * 1000):03d}+00:00",
            "level": _LEVELS.get(level) or logging.getLevelName(level).lower(),
            "logger": logger,
            "message": message,
        }
        if self.process:
            told["process"] = self.process
        told.update(fields)
        try:
            return orjson.dumps(told, default=str, option=orjson.OPT_APPEND_NEWLINE)
        except TypeError:
            # Half of a surrogate pair, or a number without end.
            return json.dumps(told, default=str).encode() + b"\n"


class LogHandler(logging.Handler):
    """Logs what comes through logging, with the fields given as `extra={"fields": {...}}`."""

    def __init__(self, log: Log) -> None:
        super().__init__(log.level)
        self._log = log
        self._tracebacks = logging.Formatter()

    def emit(self, record: logging.LogRecord) -> None:
        """Writes the record's line."""
        try:
            fields: dict[str, object] = {**record.__dict__.get("fields", {})}
            if record.exc_info:
                fields["traceback"] = self._tracebacks.formatException(record.exc_info)
            self._log.tell(record.levelno, record.name, record.getMessage(), fields, at=record.created)
        except Exception:  # noqa: BLE001  # as logging's own handlers do: what is logged must not break what logs it
            self.handleError(record)


@functools.lru_cache(maxsize=4)
def _date_and_time(seconds: int) -> str:
    # Kept for all lines of a second, because to make it takes longer than the line.
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def configure(process: str = "", descriptor: int = STDERR) -> Log:
    """Sends all log records of this process to stderr, from the level that the environment names up.

    What is left is written when the process ends.

    :param process: the name of the process, for its lines.
    :param descriptor: where they are written instead.
    """
    name = os.environ.get(LEVEL, "info").upper()
    levels = logging.getLevelNamesMapping()
    if name not in levels:
        sys.exit(f"{LEVEL}: expected debug, info, warning or error, got {name.lower()!r}")
    lines = Lines(descriptor, lambda missing: log.line(*_missing(missing), time.time()))
    log = Log(lines.write, levels[name], process)
    atexit.register(lines.close)
    logging.basicConfig(level=log.level, handlers=[LogHandler(log)], force=True)
    return log


def _missing(number: int) -> tuple[int, str, str, dict[str, object]]:
    return logging.WARNING, "parley.log", "lines left out: nobody reads them fast enough", {"lines": number}
