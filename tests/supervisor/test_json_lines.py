import json
import logging

import pytest

from service.log import Log
from service.supervisor.json_lines import line, relayed

LOG = Log(lambda _line, _at_once: None, process="worker-0")
OWN = LOG.line(logging.WARNING, "parley.request", "request", {"n": 1}, 1e9).decode().rstrip()


@pytest.mark.parametrize(
    ("process", "printed", "wanted"),
    [
        ("worker-0", OWN, {"level": "warning", "logger": "parley.request", "n": 1}),
        ("envoy", '[warning] "bad"\tline', {"logger": "parley.envoy", "message": '[warning] "bad"\tline'}),
        ("worker-11", '{"time":cut short', {"logger": "parley.worker", "message": '{"time":cut short'}),
        ("engine", "", {"logger": "parley.engine", "message": "", "process": "engine"}),
    ],
    ids=["own", "text", "cut", "empty"],
)
def test_every_line_is_one_json_object_that_names_its_process(
    process: str, printed: str, wanted: dict[str, object]
) -> None:
    told = json.loads(relayed(process, printed))
    assert told["process"] == process
    assert {"time", "level", "logger"} <= told.keys()
    assert wanted.items() <= told.items()


def test_what_the_supervisor_says_is_one_line() -> None:
    told = line("parley.supervisor", "stopping …\nnow")
    assert "\n" not in told
    assert json.loads(told)["message"] == "stopping …\nnow"
