"""What a vendor that is a Parley itself gets to know, and what is left to it."""

from typing import Any

import pytest
from parley.chat.v1.completion_pb2 import CompletionRequest
from parley.chat.v1.message_pb2 import ContentPart, Message

from service.auth import Caller
from service.backends.dialect import HttpCall, Target
from service.config.load import parse
from service.errors import ApiError, Kind
from service.pipeline import Pipeline, RequestContext
from service.pipeline.report import Policy
from service.routing import Router
from service.routing.table import build
from service.upstream import Driver
from service.upstream.transport import Response

CONFIG = """
vendors:
  eu: {dialect: parley, base_url: "grpc://eu:1"}
  other: {dialect: openai, base_url: "http://other"}
models: {eu/*: {}, other/*: {}}
"""


class Recorder:
    """A transport that keeps what it is given, and is refused."""

    def __init__(self) -> None:
        self.calls: list[HttpCall] = []

    async def send(self, call: HttpCall, target: Target) -> Response:
        self.calls.append(call)
        raise ApiError(Kind.REFUSED, "no")

    async def close(self) -> None:
        pass


async def asked(model: str, policy: Policy | None = None, default: Policy | None = None, **fields: Any) -> HttpCall:
    recorder = Recorder()
    pipeline = Pipeline(Router(build(parse(CONFIG))), Driver(recorder), default)
    message = Message(role="user", content=[ContentPart(text="hi")])
    context = RequestContext("r", Caller("a"), "rest", account_id="acc-1", policy=policy)
    with pytest.raises(ApiError):
        await pipeline.complete(CompletionRequest(model=model, messages=[message], **fields), context)
    (call,) = recorder.calls
    return call


async def test_all_answers_are_generated_and_chosen_there() -> None:
    sent = CompletionRequest.FromString((await asked("eu/v/m", best_of=3, n=2)).body)
    assert (sent.model, sent.best_of, sent.n, sent.HasField("logprobs")) == ("v/m", 3, 2, False)


@pytest.mark.parametrize(
    ("policy", "default", "expected"),
    [(None, None, None), (Policy.WARN, None, "warn"), (None, Policy.DROP, "drop"), (Policy.STRICT, Policy.DROP, "strict")],
)  # fmt: skip
async def test_the_callers_policy_and_account_are_passed_on(
    policy: Policy | None, default: Policy | None, expected: str | None
) -> None:
    headers = (await asked("eu/v/m", policy, default)).headers
    assert headers.get("x-parley-unsupported") == expected
    assert headers["x-selected-account-id"] == "acc-1"


async def test_no_other_vendor_hears_of_them() -> None:
    headers = (await asked("other/m", Policy.WARN)).headers
    assert not any(name.startswith(("x-parley", "x-selected")) for name in headers)
