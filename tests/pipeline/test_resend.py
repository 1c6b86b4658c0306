"""A request that goes out twice because the vendor was closing the connection is told of, though nobody retried it."""

import pytest
from parley.chat.v1.completion_pb2 import CompletionRequest
from parley.chat.v1.message_pb2 import ContentPart, Message

from service.auth import Caller
from service.config.load import parse
from service.errors import ApiError
from service.pipeline import Pipeline, RequestContext
from service.pipeline.account import Accounting
from service.pipeline.record import Record
from service.routing import Router
from service.routing.table import build
from service.upstream import Driver, HttpLimits, HttpTransport
from tests import vendor as v
from tests.vendor import Ending, Script, Vendor

CONFIG = """
vendors: {{acme: {{dialect: openai, base_url: '{url}'}}}}
models: {{acme/m: {{retries: {{attempts: 0}}}}}}
"""
OK = v.json_answer(v.recording("openai-unary.json"))
CLOSED = Script((), ending=Ending.FIN)


class Recorder:
    """Keeps the records of requests that are over."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def began(self, record: Record) -> None: ...

    def ended(self, record: Record) -> None:
        self.records.append(record)


@pytest.mark.parametrize(("seconds", "sent", "told"), [(20.0, 3, "acme/m: connection_closed, acme/m"), (-1.0, 2, None)])
async def test_it_is_told_and_counted(seconds: float, sent: int, told: str | None) -> None:
    recorder = Recorder()
    transport = HttpTransport(HttpLimits(keep_alive=3600, race=seconds, longest_race=seconds))
    async with Vendor.start() as vendor:
        vendor.answer(OK, CLOSED, OK)
        config = parse(CONFIG.format(url=vendor.base_url))
        pipeline = Pipeline(Router(build(config)), Driver(transport), accounting=Accounting((recorder,)))
        request = CompletionRequest(model="acme/m", messages=[Message(role="user", content=[ContentPart(text="hi")])])
        contexts = [RequestContext(name, Caller("a"), "rest") for name in ("one", "two")]
        await pipeline.complete(request, contexts[0])
        if told is None:
            with pytest.raises(ApiError, match="closed the connection before it answered"):
                await pipeline.complete(request, contexts[1])
        else:
            await pipeline.complete(request, contexts[1])
        assert len(vendor.requests) == sent
        await transport.close()
    first, second = recorder.records
    assert (first.retries, second.retries) == (0, sent - 2)
    assert [attempt.resent for attempt in second.attempts] == [sent - 2]
    assert dict(second.context.report.headers()).get("x-parley-attempts") == told
