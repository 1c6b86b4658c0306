"""JSON log lines on stderr, one for each event."""

import json
import logging
import os
import sys
from datetime import UTC, datetime


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, and the fields given as `extra={"fields": {...}}`."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **record.__dict__.get("fields", {}),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


LEVEL = "PARLEY_LOG_LEVEL"
"""Environment variable: debug, info (the default), warning or error."""


def configure() -> None:
    """Sends all log records of this process to stderr, from the level that the environment names up."""
    level = os.environ.get(LEVEL, "info").upper()
    if level not in logging.getLevelNamesMapping():
        sys.exit(f"{LEVEL}: expected debug, info, warning or error, got {level.lower()!r}")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
