"""Runs a judge: all its cases in one process of the lane's environment."""

import base64
import json
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.clients.environments import JUDGES, make_environment
from tests.conformance.scenario import Answer, Refusal

ROOT = Path(__file__).parents[2]
Json = dict[str, Any]


def judged(name: str, cases: Iterable[Json]) -> list[Json]:
    """The verdicts on all cases, in their order."""
    (judge,) = (lane for lane in JUDGES if lane.name == name)
    make_environment(judge)
    run = subprocess.run(
        [judge.python, "-m", f"tests.sdk.{name}"],
        cwd=ROOT,
        input=json.dumps(list(cases)),
        env={},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def answer_case(answer: Answer | Refusal) -> Json:
    """An answer as a case."""
    whole = answer if isinstance(answer, Answer) else Answer(answer.body, "application/json", stream=False)
    return {
        "kind": "answer",
        "status": answer.status if isinstance(answer, Refusal) else 200,
        "headers": (answer.headers or {}) if isinstance(answer, Refusal) else {},
        "content_type": whole.content_type,
        "body": base64.b64encode(whole.body).decode(),
        "stream": whole.stream,
    }
