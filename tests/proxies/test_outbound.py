"""Vendors behind a real proxy, Debian's tinyproxy: every transport goes through it, or past it, by the same rules."""

import asyncio
import base64
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from service.backends.dialect import HttpCall, Target
from service.backends.vendors import DIALECTS
from service.config import Timeouts
from service.errors import ApiError, Kind
from service.tls import Tls, TlsFiles, load
from service.upstream import GrpcTransport, HttpTransport
from service.upstream.aiohttp_transport import AiohttpTransport
from service.upstream.transport import Transport
from tests.proxies.programs import path_of
from tests.upstream.grpc_server import serving as serving_grpc
from tests.upstream.servers import make_authority, serving
from tests.vendor import unused_port

LIMIT_S = 20.0
# This machine, but by an address that is not known to be this machine's.
HOST = "0.0.0.0"  # to connect to


@dataclass(frozen=True, slots=True)
class Way:
    """A transport, and the scheme that it is tried with."""

    name: str
    scheme: str
    make: Callable[[], Transport]

    @property
    def grpc(self) -> bool:
        return self.scheme == "grpc"


WAYS = (
    Way("built-in", "http", HttpTransport),
    Way("built-in over TLS", "https", HttpTransport),
    Way("aiohttp", "http", AiohttpTransport),
    Way("aiohttp over TLS", "https", AiohttpTransport),
    Way("gRPC", "grpc", GrpcTransport),
)


@dataclass(slots=True)
class Tinyproxy:
    """A running one that asks for a password."""

    port: int
    log: Path

    @property
    def url(self) -> str:
        return f"http://user:w%6Frd@127.0.0.1:{self.port}"

    def passed(self) -> int:
        """How many requests came to it."""
        return self.log.read_text().count("Request (file descriptor")


@asynccontextmanager
async def tinyproxy(folder: Path) -> AsyncGenerator[Tinyproxy]:
    proxy = Tinyproxy(unused_port(), folder / "log")
    config = folder / "tinyproxy.conf"
    config.write_text(
        f'Port {proxy.port}\nListen 127.0.0.1\nTimeout 60\nMaxClients 20\nLogFile "{proxy.log}"\nLogLevel Connect\n'
        f'BasicAuth user word\nPidFile "{folder / "pid"}"\n'
    )
    process = await asyncio.create_subprocess_exec(
        path_of("tinyproxy"), "-d", "-c", str(config), stdout=asyncio.subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(LIMIT_S):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
                except ConnectionRefusedError:
                    await asyncio.sleep(0.01)
                else:
                    writer.close()
                    break
        yield proxy
    finally:
        process.terminate()
        await process.wait()


@asynccontextmanager
async def vendor(way: Way, folder: Path) -> AsyncGenerator[Target]:
    timeouts = Timeouts().model_copy(update={"connect": LIMIT_S})
    place = Target("acme", "", "m", DIALECTS["parley" if way.grpc else "openai"], "", timeouts)
    if way.grpc:
        async with serving_grpc(b"fine") as service:
            yield replace(place, base_url=f"grpc://{HOST}:{service.port}")
        return
    tls: Tls | None = None
    authority = make_authority(folder) if way.scheme == "https" else None
    if authority is not None:
        tls = load(TlsFiles(ca=authority.ca))
    async with serving(tls=authority.server if authority else None) as served:
        yield replace(place, base_url=f"{way.scheme}://{HOST}:{served.port}", tls=tls)


async def asked(transport: Transport, target: Target) -> bytes:
    path = "/s/m" if target.base_url.startswith("grpc") else "/v1/chat/completions"
    async with asyncio.timeout(LIMIT_S):
        response = await transport.send(HttpCall(path, {"x-api-key": "k"}, b"{}"), target)
        body = b""
        while data := await response.read():
            body += data
        response.finish()
    return body


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def set_to(**variables: str) -> None:
        for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "grpc_proxy", "no_grpc_proxy"):
            monkeypatch.delenv(name, raising=False)
            monkeypatch.delenv(name.upper(), raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return set_to


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
async def test_the_proxy_is_taken_where_the_environment_says_so(
    way: Way, tmp_path: Path, environment: Callable[..., None]
) -> None:
    async with tinyproxy(tmp_path) as proxy, vendor(way, tmp_path) as target:
        own = "HTTPS_PROXY" if way.scheme == "https" else "HTTP_PROXY"
        other = "HTTP_PROXY" if way.scheme == "https" else "HTTPS_PROXY"
        for variables, passed in (
            ({own: proxy.url}, True),
            ({"ALL_PROXY": proxy.url}, True),
            ({own: proxy.url, "NO_PROXY": "10.0.0.0/8, *.example"}, True),
            ({other: proxy.url}, False),
            ({own: proxy.url, "NO_PROXY": "0.0.0.0/8"}, False),
            ({"ALL_PROXY": proxy.url, "NO_PROXY": target.base_url.partition("://")[2]}, False),
            ({"ALL_PROXY": proxy.url, "NO_PROXY": "*"}, False),
        ):
            environment(**variables)
            transport, before = way.make(), proxy.passed()
            try:
                assert b"fine" in await asked(transport, target)
            finally:
                await transport.close()
            assert (proxy.passed() > before) is passed, variables


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
async def test_a_wrong_password_is_told_without_it(way: Way, tmp_path: Path, environment: Callable[..., None]) -> None:
    async with tinyproxy(tmp_path) as proxy, vendor(way, tmp_path) as target:
        environment(ALL_PROXY=proxy.url.replace("w%6Frd", "wrong"))
        transport = way.make()
        try:
            if way.scheme == "http":
                # The proxy answers in the vendor's place, as it may.
                response = await transport.send(HttpCall("/", {}, b"{}"), target)
                assert response.status in {401, 407}
            else:
                with pytest.raises(ApiError) as caught:
                    await asked(transport, target)
                assert caught.value.kind is Kind.CONNECT_FAILED
                secret = base64.b64encode(b"user:wrong").decode()
                assert not any(part in caught.value.message for part in ("wrong", secret, "127.0.0.1"))
        finally:
            await transport.close()
