"""No key, the callers' or the service's own, shows anywhere: planted keys are searched for in all that is said."""

import grpc.aio
import pytest
from parley.chat.v1.chat_service_pb2_grpc import ChatServiceStub

from tests import vendor as v
from tests.end_to_end.calls import body, failure_of, message, post
from tests.stack import LIMITED_KEY, VENDOR_KEY, Parley, Vendors

WRONG = "parley-wrong-key-0123456789"
PROMPT = "the planted prompt 4711"
REFUSALS = (
    v.openai_error(401, f"Incorrect API key provided: {VENDOR_KEY}"),
    v.openai_error(400, "bad"),
    v.html(502),
    v.error_in_200(),
    v.hang_after_headers(),
    v.stream(b"data: {\n\n", v.DONE),
)


@pytest.mark.parametrize("script", REFUSALS, ids=range(len(REFUSALS)))
async def test_no_error_and_no_log_line_shows_a_key(
    parley: Parley, vendors: Vendors, channel: grpc.aio.Channel, script: v.Script
) -> None:
    model = vendors.model()
    vendors.scripted.always(script, model=model)
    said: list[str] = []
    for key in (parley.api_key, LIMITED_KEY, WRONG):
        answer = await post(parley, body(f"brief/{model}", stream=True, user=PROMPT), key=key)
        said += [answer.body.decode(), str(answer.headers)]
        call = ChatServiceStub(channel).CreateCompletion(message(f"brief/{model}"), metadata=(("x-api-key", key),))
        said.append(repr(await failure_of(call)))
    await post(parley, body(f"brief/{model}-last"))
    log = await parley.log_with(f"brief/{model}-last")
    assert f'"model":"brief/{model}"' in log, "the requests are in the log"
    assert '"level":"debug"' in log
    for secret in (parley.api_key, LIMITED_KEY, WRONG, VENDOR_KEY):
        assert secret not in log
        assert not any(secret in each for each in said)
    assert PROMPT not in log
