"""What callers see through nginx and HAProxy is what they see without: streams at once, statuses, hang-ups, gRPC."""

import asyncio
from collections.abc import AsyncGenerator

import grpc.aio
import httpx2
import pytest
import pytest_asyncio
from parley.chat.v1.chat_service_pb2_grpc import ChatServiceStub

from tests import vendor as v
from tests.end_to_end.calls import PATH, body, failure_of, message
from tests.proxies.proxy import PROXIES, Proxy, proxying
from tests.stack import Parley, Vendors

EVENTS = tuple(event + b"\n\n" for event in v.recording("openai-stream-usage.sse").split(b"\n\n") if b"{" in event)
STREAM = v.stream_bytes(v.recording("openai-stream-usage.sse"))
LIMIT_S = 20


@pytest_asyncio.fixture(scope="module", loop_scope="session", params=PROXIES)
async def proxy(
    request: pytest.FixtureRequest, parley: Parley, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Proxy]:
    async with proxying(request.param, parley.port, tmp_path_factory.mktemp(request.param)) as started:
        yield started


@pytest_asyncio.fixture(loop_scope="session", params=["HTTP/1.1", "HTTP/2"])
async def http(request: pytest.FixtureRequest, proxy: Proxy, parley: Parley) -> AsyncGenerator[httpx2.AsyncClient]:
    second = request.param == "HTTP/2"
    headers = {"x-api-key": parley.api_key, "accept-encoding": "gzip"}
    async with httpx2.AsyncClient(
        http1=not second, http2=second, verify=proxy.trust, base_url=proxy.url, headers=headers, timeout=LIMIT_S
    ) as client:
        yield client


@pytest_asyncio.fixture(loop_scope="session")
async def secure(proxy: Proxy) -> AsyncGenerator[grpc.aio.Channel]:
    credentials = grpc.ssl_channel_credentials(proxy.authority)
    async with grpc.aio.secure_channel(proxy.target, credentials) as channel:
        yield channel


def stepwise() -> tuple[v.Script, list[asyncio.Event]]:
    """A stream of which each event is written when its gate is set."""
    gates = [asyncio.Event() for _ in EVENTS]
    steps = [step for gate, event in zip(gates, EVENTS, strict=True) for step in (gate, event)]
    return v.stream(*steps, v.DONE), gates


async def test_a_stream_arrives_event_by_event(http: httpx2.AsyncClient, vendors: Vendors) -> None:
    """The vendor writes the next event when the one before has arrived, so one that is held back would never come."""
    model = vendors.model()
    script, gates = stepwise()
    vendors.scripted.always(script, model=model)
    gates[0].set()
    gates[1].set()
    received, seen = "", 0
    async with (
        asyncio.timeout(LIMIT_S),
        http.stream("POST", PATH, json=body(f"scripted/{model}", stream=True)) as answer,
    ):
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-cache"
        async for text in answer.aiter_text():
            received += text
            now = received.count("\n\n")
            if now > seen:
                for gate in gates[: now + 2]:
                    gate.set()
                seen = now
    assert received.endswith("data: [DONE]\n\n")
    assert seen >= len(EVENTS)


@pytest.mark.parametrize(
    ("model", "key", "status", "code"),
    [
        ("fake/ok", "wrong", 401, "invalid_api_key"),
        ("nobody/nothing", None, 404, "model_not_found"),
        ("fake/busy", None, 429, "rate_limit_exceeded"),
        ("nowhere/gone", None, 502, None),
    ],
)
async def test_errors_keep_their_status_and_form(
    model: str, key: str | None, status: int, code: str | None, http: httpx2.AsyncClient
) -> None:
    headers = {"x-api-key": key} if key else {}
    answer = await http.post(PATH, json=body(model, stream=True), headers=headers)
    if code is not None:
        assert answer.status_code == status
        assert answer.json()["error"]["code"] == code
    else:
        assert answer.status_code in {502, 503, 504}
        assert answer.json()["error"]["type"] == "server_error"
    if status == 429:
        assert answer.headers["retry-after"] == str(v.RETRY_AFTER_SECONDS)


async def test_a_large_request_passes(http: httpx2.AsyncClient, vendors: Vendors) -> None:
    model = vendors.model()
    vendors.scripted.always(v.json_answer(v.recording("openai-unary.json")), model=model)
    request = body(f"scripted/{model}")
    request["messages"][0]["content"] = "x" * 20_000_000
    answer = await http.post(PATH, json=request, headers={"x-large": "y" * 7_000})
    assert answer.status_code == 200
    assert len(vendors.scripted.requests[-1].body) > 20_000_000


@pytest.mark.parametrize("begun", [False, True], ids=["before the answer", "in mid-stream"])
async def test_a_hang_up_reaches_the_vendor(begun: bool, http: httpx2.AsyncClient, vendors: Vendors) -> None:
    model, seen = vendors.model(), len(vendors.scripted.requests)
    vendors.scripted.always(v.hang_after_headers(*EVENTS) if begun else v.hang(), model=model)
    came = asyncio.Event()

    async def ask() -> None:
        async with http.stream("POST", PATH, json=body(f"scripted/{model}", stream=True)) as answer:
            async for _ in answer.aiter_raw():
                came.set()

    task = asyncio.create_task(ask())
    async with asyncio.timeout(LIMIT_S):
        asked = await vendors.scripted.received(seen + 1)
        if begun:
            await came.wait()
        assert not asked.closed.is_set()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await http.aclose()
        await asked.closed.wait()


async def test_grpc_passes_with_its_outcome(secure: grpc.aio.Channel, parley: Parley, vendors: Vendors) -> None:
    stub = ChatServiceStub(secure)
    model = vendors.model()
    vendors.scripted.always(STREAM, model=model)
    async with asyncio.timeout(LIMIT_S):
        call = stub.StreamCompletion(message(f"scripted/{model}"), metadata=parley.metadata)
        assert [chunk async for chunk in call][-1].choices[0].finish_reason == "stop"
        assert await call.code() is grpc.StatusCode.OK
        assert (await stub.CreateCompletion(message("fake/ok"), metadata=parley.metadata)).choices
        busy = await failure_of(stub.CreateCompletion(message("fake/busy"), metadata=parley.metadata))
        assert (busy.code, busy.retry_after) == (grpc.StatusCode.RESOURCE_EXHAUSTED, v.RETRY_AFTER_SECONDS)
        unknown = await failure_of(stub.StreamCompletion(message("nobody/nothing"), metadata=parley.metadata))
        assert (unknown.code, unknown.reason) == (grpc.StatusCode.NOT_FOUND, "MODEL_NOT_FOUND")


async def test_a_grpc_hang_up_reaches_the_vendor(secure: grpc.aio.Channel, parley: Parley, vendors: Vendors) -> None:
    model, seen = vendors.model(), len(vendors.scripted.requests)
    vendors.scripted.always(v.hang_after_headers(*EVENTS), model=model)
    async with asyncio.timeout(LIMIT_S):
        call = ChatServiceStub(secure).StreamCompletion(message(f"scripted/{model}"), metadata=parley.metadata)
        assert await call.read()
        asked = await vendors.scripted.received(seen + 1)
        call.cancel()
        await asked.closed.wait()


async def test_typed_calls_as_json_and_watchers_pass(http: httpx2.AsyncClient) -> None:
    request = {"model": "fake/ok", "messages": [{"role": "user", "content": [{"text": "Say hello"}]}]}
    answer = await http.post("/parley.chat.v1.ChatService/CreateCompletion", json=request)
    assert answer.status_code == 200
    assert answer.json()["choices"]
    for path in ("/livez", "/readyz"):
        assert (await http.get(path)).status_code == 200
