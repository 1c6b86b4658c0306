"""What the tests of the Gemini dialect share: its target, and Google's own client as a judge."""

import base64
import dataclasses
import functools
import json
import subprocess
from pathlib import Path
from typing import Any

from parley.chat.v1.completion_pb2 import CompletionRequest

from service.backends.dialect import Target
from service.backends.gemini import GeminiDialect
from service.codec import decoder
from service.config import Timeouts
from tests.backends.gemini_cases import HI, Json
from tests.clients.environments import JUDGES, make_environment
from tests.conformance.scenario import Answer, Refusal

_ROOT = Path(__file__).parents[2]
_read_request = decoder(CompletionRequest)

TARGET = Target(
    vendor="gemini",
    deployment="",
    model="gemini-2.5-flash",
    dialect=GeminiDialect(),
    base_url="https://v/v1beta",
    timeouts=Timeouts(),
    credential="sk-secret",
)


def on(target: Target, **members: Any) -> Target:
    return dataclasses.replace(target, **members)


def read(asks: Json) -> CompletionRequest:
    """A request out of its JSON members."""
    asked: Any = {"model": "v/m", "messages": HI, **asks}
    return _read_request(asked)


def verdicts(
    kind: str, bodies: list[tuple[Json, str]], *, stream: bool = False, vertex: Json | None = None
) -> list[Json]:
    """What Google's client sends when it is asked for the same."""
    return _judged(
        [{"kind": kind, "body": body, "model": model, "stream": stream, "vertex": vertex} for body, model in bodies]
    )


def seen(answers: list[Answer | Refusal]) -> list[Json]:
    """What Google's client makes of answers."""
    return _judged(
        [
            {
                "kind": "answer",
                "status": answer.status if isinstance(answer, Refusal) else 200,
                "content_type": "application/json" if isinstance(answer, Refusal) else answer.content_type,
                "stream": isinstance(answer, Answer) and answer.stream,
                "body": base64.b64encode(answer.body).decode(),
            }
            for answer in answers
        ]
    )


@functools.cache
def _python() -> Path:
    (lane,) = (lane for lane in JUDGES if lane.name == "gemini")
    make_environment(lane)
    return lane.python


def _judged(cases: list[Json]) -> list[Json]:
    run = subprocess.run(
        [_python(), "-m", "tests.sdk.gemini"],
        cwd=_ROOT,
        env={},
        input=json.dumps(cases),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)
