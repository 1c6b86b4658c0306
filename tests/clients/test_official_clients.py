"""Every official client of the schema works unchanged against the whole service, Envoy included."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from typing import Any, Protocol

import pytest

from tests.clients.environments import LANES, Lane, make_environment
from tests.clients.lane import WRONG_KEY

ROOT = LANES[0].script_path.parents[2]
LOCAL = "local/smollm2-135m-instruct"
OK = "fake/ok"
BUSY = "fake/busy"
DOWN = "fake/down"
BROKEN = "fake/broken"
MODELS = (OK, LOCAL)
MODES = ("unary", "streamed")


class Parley(Protocol):
    """What these tests need of the running service."""

    @property
    def base_url(self) -> str: ...
    @property
    def api_key(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Seen:
    """What a lane printed; the same JSON whatever the client."""

    report: dict[str, Any]
    api_key: str


@pytest.fixture(scope="module", params=LANES, ids=lambda lane: lane.name)
def lane(request: pytest.FixtureRequest) -> Lane:
    lane: Lane = request.param
    make_environment(lane)
    return lane


@pytest.fixture(scope="module")
def seen(lane: Lane, parley: Parley) -> Seen:
    arguments = {
        "--base-url": parley.base_url,
        "--api-key": parley.api_key,
        "--busy": BUSY,
        "--down": DOWN,
        "--broken": BROKEN,
    }
    options = [part for pair in arguments.items() for part in pair]
    module = f"tests.clients.{lane.script_path.stem}"
    run = subprocess.run(
        [lane.python, "-m", module, *options, "--models", *MODELS],
        cwd=ROOT,
        # Neither this environment's proxies nor its vendors' keys and addresses are the client's.
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return Seen(json.loads(run.stdout), parley.api_key)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("mode", MODES)
def test_a_completion_is_whole(seen: Seen, mode: str, model: str) -> None:
    answer = seen.report[mode][model]
    assert answer["raised"] is None
    assert answer["text"]
    assert answer["models"] == [model]
    assert len(answer["ids"]) == 1
    assert answer["finish_reasons"] in (["stop"], ["length"])
    usage = answer["usage"]
    assert usage["completion_tokens"] > 0
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


def test_each_mode_has_its_kind_of_object(seen: Seen) -> None:
    assert seen.report["unary"][OK]["kinds"] == ["chat.completion"]
    assert seen.report["streamed"][OK]["kinds"] == ["chat.completion.chunk"]
    assert seen.report["streamed"][LOCAL]["chunks"] > 2


def test_a_stream_says_what_the_whole_answer_says(seen: Seen) -> None:
    unary, streamed = (seen.report[mode][OK] for mode in MODES)
    for aspect in ("text", "finish_reasons", "usage"):
        assert streamed[aspect] == unary[aspect]


def test_a_stream_that_broke_is_an_exception(seen: Seen) -> None:
    broken = seen.report["broken"]
    assert broken["text"]
    assert broken["raised"] is not None
    assert broken["finish_reasons"] == []


def test_the_models_are_listed(seen: Seen) -> None:
    models = seen.report["models"]
    assert models is None or LOCAL in models


@pytest.mark.parametrize(
    ("case", "status", "exception"),
    [
        ("400", 400, "BadRequestError"),
        ("401", 401, "AuthenticationError"),
        ("404", 404, "NotFoundError"),
        ("429", 429, "RateLimitError"),
        ("503", 503, "InternalServerError"),
        ("503 streamed", 503, "InternalServerError"),
    ],
)
def test_an_error_is_the_clients_typed_exception(seen: Seen, case: str, status: int, exception: str) -> None:
    error = seen.report["errors"][case]
    assert (error["class"], error["status"]) == (exception, status)
    # The openai client hands out what is inside `error`, the others the body as it came.
    body = error["body"].get("error", error["body"])
    assert set(body) == {"message", "type", "param", "code"}
    assert isinstance(body["message"], str)


def test_errors_say_what_to_mend(seen: Seen) -> None:
    errors = seen.report["errors"]
    assert "temperature" in errors["400"]["message"]
    assert "nobody/has-this" in errors["404"]["message"]
    assert int(errors["429"]["retry_after"]) > 0


def test_no_error_shows_a_key(seen: Seen) -> None:
    errors = json.dumps(seen.report["errors"])
    assert WRONG_KEY not in errors
    assert seen.api_key not in errors
