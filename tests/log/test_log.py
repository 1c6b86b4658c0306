import json
import logging
import os
import subprocess
import sys

import pytest

from service.log import LEVEL, Log, LogHandler


def told(*, level: int = logging.INFO, process: str = "") -> tuple[list[tuple[bytes, bool]], Log]:
    said: list[tuple[bytes, bool]] = []
    return said, Log(lambda line, at_once: said.append((line, at_once)), level, process)


def test_a_line_is_one_json_object() -> None:
    said, log = told(process="worker-3")
    log.tell(logging.INFO, "parley.request", "request", {"model": "a\nb", "seconds": 0.5}, at=1_700_000_000.5)
    ((line, at_once),) = said
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert not at_once
    assert json.loads(line) == {
        "time": "2023-11-14T22:13:20.500+00:00",
        "level": "info",
        "logger": "parley.request",
        "message": "request",
        "process": "worker-3",
        "model": "a\nb",
        "seconds": 0.5,
    }


@pytest.mark.parametrize(("level", "wanted"), [(logging.DEBUG, False), (logging.INFO, False), (logging.WARNING, True)])
def test_warnings_and_errors_do_not_wait(level: int, wanted: bool) -> None:
    said, log = told()
    log.tell(level, "parley", "", {})
    assert [at_once for _, at_once in said] == [wanted]


@pytest.mark.parametrize(
    "value", ["half \ud800", 1 << 70, OSError("x"), {1: 2}], ids=["surrogate", "long", "object", "keys"]
)
def test_whatever_is_told_makes_a_line(value: object) -> None:
    said, log = told()
    log.tell(logging.INFO, "parley", "", {"value": value})
    assert "value" in json.loads(said[0][0])


def test_what_comes_through_logging_is_said_with_its_fields_and_traceback() -> None:
    said, log = told()
    logger = logging.getLogger("parley.test")
    logger.propagate = False
    logger.addHandler(LogHandler(log))
    try:
        raise ValueError("a cause")
    except ValueError:
        logger.exception("it %s", "failed", extra={"fields": {"request_id": "r1"}})
    line = json.loads(said[0][0])
    assert (line["level"], line["logger"], line["message"]) == ("error", "parley.test", "it failed")
    assert line["request_id"] == "r1"
    assert "ValueError: a cause" in line["traceback"]


def run(code: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **env}, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(("level", "wanted"), [("info", ["info", "error"]), ("error", ["error"])])
def test_the_level_comes_from_the_environment_and_the_end_writes_what_is_left(level: str, wanted: list[str]) -> None:
    code = "import logging; from service import log; log.configure(); logging.info('a'); logging.error('b')"
    done = run(code, **{LEVEL: level})
    assert [json.loads(line)["level"] for line in done.stderr.splitlines()] == wanted


def test_a_level_that_is_none_is_refused() -> None:
    done = run("from service import log; log.configure()", **{LEVEL: "loud"})
    assert done.returncode == 1
    assert "expected debug, info, warning or error, got 'loud'" in done.stderr
