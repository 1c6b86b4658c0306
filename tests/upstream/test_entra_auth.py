"""Tokens of Entra ID, against a local token endpoint."""

import asyncio
import dataclasses
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from urllib.parse import parse_qs

import pytest
import pytest_asyncio
from parley.chat.v1.completion_pb2 import CompletionRequest
from parley.chat.v1.message_pb2 import ContentPart, Message

from service.backends.dialect import Target
from service.backends.vendors import DIALECTS
from service.config import Timeouts
from service.errors import ApiError, Kind
from service.upstream import Driver
from service.upstream.aiohttp_transport import AiohttpTransport
from service.upstream.authentication import Authenticator
from service.upstream.entra_auth import AHEAD_S, EntraTokens
from tests.vendor import Vendor, json_answer, recording, stream_bytes
from tests.vendor.script import Responder

SECRET = "planted-client-secret"
PATH = "/tenant/oauth2/v2.0/token"


@dataclasses.dataclass(slots=True)
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest_asyncio.fixture
async def entra() -> AsyncGenerator[Vendor]:
    async with Vendor.start() as started:
        yield started


@pytest_asyncio.fixture
async def azure() -> AsyncGenerator[Vendor]:
    async with Vendor.start() as started:
        started.always(stream_bytes(recording("openai-stream-usage.sse")))
        yield started


@pytest_asyncio.fixture
async def transport() -> AsyncGenerator[AiohttpTransport]:
    opened = AiohttpTransport()
    yield opened
    await opened.close()


def token(name: str, seconds: float = 3600) -> Responder:
    return json_answer({"token_type": "Bearer", "expires_in": seconds, "access_token": name})


def environment(entra: Vendor, **others: str) -> dict[str, str]:
    return {
        "AZURE_AUTHORITY_HOST": entra.base_url + "/",
        "AZURE_TENANT_ID": "tenant",
        "AZURE_CLIENT_ID": "client",
        "AZURE_CLIENT_SECRET": SECRET,
        **others,
    }


def target_of(azure: Vendor, credential: str | None = None) -> Target:
    return Target(
        vendor="azure",
        deployment="",
        model="m",
        dialect=DIALECTS["azure"],
        base_url=azure.base_url,
        timeouts=Timeouts(),
        auth="entra",
        credential=credential,
        version="2024-10-21",
    )


def driver(transport: AiohttpTransport, environ: dict[str, str]) -> Driver:
    return Driver(transport, Authenticator(sources={"entra": EntraTokens(environ)}))


async def ask(driver: Driver, target: Target) -> None:
    request = CompletionRequest(messages=[Message(role="user", content=[ContentPart(text="hi")])])
    deadline = asyncio.get_running_loop().time() + 20
    async with aclosing(driver.run(request, target, stream=True, request_id="r", deadline=deadline)) as batches:
        assert [batch async for batch in batches]


def shown(azure: Vendor) -> list[str]:
    return [request.headers["authorization"] for request in azure.requests]


async def test_a_token_is_fetched_once_and_kept(entra: Vendor, azure: Vendor, transport: AiohttpTransport) -> None:
    entra.answer(token("t1"))
    asked = driver(transport, environment(entra))
    await asyncio.gather(*(ask(asked, target_of(azure)) for _ in range(4)))
    await ask(asked, target_of(azure))
    assert shown(azure) == ["Bearer t1"] * 5
    (request,) = entra.requests
    assert (request.method, request.path) == ("POST", PATH)
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert "authorization" not in request.headers
    assert parse_qs(request.body.decode()) == {
        "grant_type": ["client_credentials"],
        "client_id": ["client"],
        "client_secret": [SECRET],
        "scope": ["https://cognitiveservices.azure.com/.default"],
    }


async def test_a_token_is_renewed_ahead_of_its_end(entra: Vendor, azure: Vendor, transport: AiohttpTransport) -> None:
    entra.answer(token("t1"), token("t2"))
    clock = Clock()
    tokens = EntraTokens(environment(entra), clock)
    assert await tokens.token(target_of(azure), transport.send) == "t1"
    clock.now += 3600 - AHEAD_S - 1
    assert await tokens.token(target_of(azure), transport.send) == "t1"
    clock.now += 1
    assert await tokens.token(target_of(azure), transport.send) == "t2"


async def test_a_short_lived_token_is_used_for_half_its_time(
    entra: Vendor, azure: Vendor, transport: AiohttpTransport
) -> None:
    entra.answer(token("t1", 60), token("t2", 60))
    clock = Clock()
    tokens = EntraTokens(environment(entra), clock)
    await tokens.token(target_of(azure), transport.send)
    clock.now += 29
    assert await tokens.token(target_of(azure), transport.send) == "t1"
    clock.now += 1
    assert await tokens.token(target_of(azure), transport.send) == "t2"


async def test_a_token_that_is_still_good_outlives_a_failed_renewal(
    entra: Vendor, azure: Vendor, transport: AiohttpTransport
) -> None:
    entra.answer(token("t1"), json_answer({"error": "temporarily_unavailable"}, status=503), token("t2"))
    clock = Clock()
    tokens = EntraTokens(environment(entra), clock)
    await tokens.token(target_of(azure), transport.send)
    clock.now += 3600 - AHEAD_S
    assert await tokens.token(target_of(azure), transport.send) == "t1"
    assert await tokens.token(target_of(azure), transport.send) == "t1"
    assert len(entra.requests) == 2
    clock.now += AHEAD_S
    assert await tokens.token(target_of(azure), transport.send) == "t2"


async def test_one_that_is_over_does_not(entra: Vendor, azure: Vendor, transport: AiohttpTransport) -> None:
    entra.answer(token("t1"), json_answer({"error": "temporarily_unavailable"}, status=503))
    clock = Clock()
    tokens = EntraTokens(environment(entra), clock)
    await tokens.token(target_of(azure), transport.send)
    clock.now += 3600
    with pytest.raises(ApiError) as caught:
        await tokens.token(target_of(azure), transport.send)
    assert caught.value.kind is Kind.UNAVAILABLE


async def test_a_key_of_ones_own_is_the_token(entra: Vendor, azure: Vendor, transport: AiohttpTransport) -> None:
    await ask(driver(transport, environment(entra)), target_of(azure, "static"))
    assert shown(azure) == ["Bearer static"]
    assert entra.requests == []


async def test_a_workload_shows_its_own_token(
    entra: Vendor, azure: Vendor, transport: AiohttpTransport, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text("jwt\n")
    entra.answer(token("t1"))
    environ = environment(entra, AZURE_FEDERATED_TOKEN_FILE=str(file))
    del environ["AZURE_CLIENT_SECRET"]
    await ask(driver(transport, environ), target_of(azure))
    form = parse_qs(entra.requests[0].body.decode())
    assert form["client_assertion"] == ["jwt"]
    assert form["client_assertion_type"] == ["urn:ietf:params:oauth:client-assertion-type:jwt-bearer"]


@pytest.mark.parametrize(
    ("host", "scope"),
    [
        ("r.openai.azure.com", "https://cognitiveservices.azure.com/.default"),
        ("r.openai.azure.us", "https://cognitiveservices.azure.us/.default"),
        ("r.openai.azure.cn", "https://cognitiveservices.azure.cn/.default"),
    ],
)
async def test_each_cloud_has_its_scope(
    entra: Vendor, azure: Vendor, transport: AiohttpTransport, host: str, scope: str
) -> None:
    entra.answer(token("t1"))
    target = dataclasses.replace(target_of(azure), base_url=f"https://{host}")
    await EntraTokens(environment(entra)).token(target, transport.send)
    assert parse_qs(entra.requests[0].body.decode())["scope"] == [scope]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (json_answer({"error": "invalid_client", "error_description": SECRET}, status=401), Kind.UPSTREAM_AUTH),
        (json_answer({"error": "unauthorized_client"}, status=400), Kind.UPSTREAM_AUTH),
        (json_answer({"error": "temporarily_unavailable"}, status=503), Kind.UNAVAILABLE),
        (json_answer({"token_type": "Bearer"}), Kind.UNAVAILABLE),
        (json_answer({}, status=429), Kind.UNAVAILABLE),
    ],
)
async def test_a_refusal_is_told_without_the_secret(
    entra: Vendor, azure: Vendor, transport: AiohttpTransport, answer: Responder, kind: Kind
) -> None:
    entra.answer(answer)
    with pytest.raises(ApiError) as caught:
        await ask(driver(transport, environment(entra)), target_of(azure))
    assert caught.value.kind is kind
    assert SECRET not in caught.value.message
    assert azure.requests == []


@pytest.mark.parametrize("missing", ["AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"])
async def test_without_credentials_nobody_is_asked(
    entra: Vendor, azure: Vendor, transport: AiohttpTransport, missing: str
) -> None:
    environ = {name: value for name, value in environment(entra).items() if name != missing}
    with pytest.raises(ApiError, match="no credentials") as caught:
        await ask(driver(transport, environ), target_of(azure))
    assert caught.value.kind is Kind.UPSTREAM_AUTH
    assert entra.requests == azure.requests == []


def test_nothing_shows_a_secret() -> None:
    assert SECRET not in repr(EntraTokens({"AZURE_CLIENT_SECRET": SECRET}))
