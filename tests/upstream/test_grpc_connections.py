"""Connections of gRPC: how old they get, whom they trust, how they are led, and what goes out again over another."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path

import grpc
import h2.connection
import pytest

from service.errors import ApiError, Kind
from service.tls import TlsFiles, load
from service.upstream import GrpcTransport
from service.upstream.grpc_response import GrpcResponse
from tests.upstream.grpc_server import HEAD, Script, call, cancel, read_all, reset, serving, speaking, target
from tests.upstream.servers import make_authority, proxy
from tests.upstream.stage import PATIENCE


@pytest.fixture
async def transport() -> AsyncGenerator[GrpcTransport]:
    made = GrpcTransport()
    yield made
    await made.close()


def refuse(connection: h2.connection.H2Connection, stream: int) -> None:
    connection.reset_stream(stream, 7)


def go_away(connection: h2.connection.H2Connection, stream: int) -> None:
    connection.close_connection(0, b"drains", last_stream_id=0)


def go_away_with(connection: h2.connection.H2Connection, stream: int) -> None:
    connection.close_connection(0, b"drains", last_stream_id=stream)


def fine(connection: h2.connection.H2Connection, stream: int) -> None:
    connection.send_headers(stream, HEAD)
    connection.send_headers(stream, [("grpc-status", "0")], end_stream=True)


def each(*scripts: Script) -> Script:
    """Another script for each request, the last for all that follow."""
    left = list(scripts)

    def answer(connection: h2.connection.H2Connection, stream: int) -> None:
        (left.pop(0) if len(left) > 1 else left[0])(connection, stream)

    return answer


@pytest.mark.parametrize("script", [refuse, go_away], ids=["refused stream", "above the last of a goaway"])
async def test_what_a_server_has_not_begun_is_sent_again_once_and_told(
    transport: GrpcTransport, script: Script
) -> None:
    told: list[str] = []
    async with speaking(each(script, fine)) as port:
        response = await transport.send(call(on_resend=lambda: told.append("again")), target(port))
        assert (response.status, told) == (200, ["again"])
    async with speaking(script) as port:
        with pytest.raises(ApiError) as caught:
            await transport.send(call(on_resend=lambda: told.append("again")), target(port))
    assert (caught.value.kind, told) == (Kind.BAD_UPSTREAM, ["again", "again"])


@pytest.mark.parametrize(
    ("scripts", "hangs_up"),
    [((reset,), False), ((cancel,), False), ((go_away_with,), True)],
    ids=["reset", "cancelled", "begun before the goaway"],
)
async def test_what_a_server_may_have_begun_is_not_sent_again(
    transport: GrpcTransport, scripts: tuple[Script, ...], *, hangs_up: bool
) -> None:
    told: list[str] = []
    async with speaking(*scripts, hangs_up=hangs_up) as port:
        # A call that the server cancels has a status of its own.
        with contextlib.suppress(ApiError):
            await transport.send(call(on_resend=lambda: told.append("again")), target(port))
    assert not told


async def test_tls_is_verified(tmp_path: Path, transport: GrpcTransport) -> None:
    authority = make_authority(tmp_path)
    pair = (authority.key.read_bytes(), authority.certificate.read_bytes())
    async with serving(b"one", tls=grpc.ssl_server_credentials([pair])) as service:
        place = target(service.port, scheme="grpcs", host="localhost")
        with pytest.raises(ApiError) as caught:
            await transport.send(call(), place)
        assert caught.value.kind is Kind.CONNECT_FAILED
        trusting = replace(place, tls=load(TlsFiles(ca=authority.ca)))
        assert b"one!" in await read_all(await transport.send(call(), trusting))


async def test_a_certificate_is_shown_and_exchanged(tmp_path: Path, transport: GrpcTransport) -> None:
    authority = make_authority(tmp_path)
    files = TlsFiles(authority.ca, tmp_path / "own.pem", tmp_path / "own.key")
    tls = grpc.ssl_server_credentials(
        [(authority.key.read_bytes(), authority.certificate.read_bytes())],
        authority.ca.read_bytes(),
        require_client_auth=True,
    )
    hold = asyncio.Event()
    async with serving(b"one", hold, tls=tls) as service:
        place = target(service.port, scheme="grpcs", host="localhost")
        with pytest.raises(ApiError) as caught:
            await transport.send(call(), replace(place, tls=load(TlsFiles(ca=authority.ca))))
        assert caught.value.kind is Kind.CONNECT_FAILED
        shown: list[str] = []
        answers: list[GrpcResponse] = []
        for name in ("first", "second"):
            authority.show(name, tmp_path)
            answers.append(await transport.send(call(), replace(place, tls=load(files))))
            shown += service.shown[-1:]
        assert shown == ["first", "second"]
        hold.set()
        # The call under way is not disturbed by the exchange.
        for answer in answers:
            assert b"one!" in await read_all(answer)


async def test_a_channel_has_a_greatest_age(transport: GrpcTransport) -> None:
    hold = asyncio.Event()
    async with serving(b"one", hold) as service:
        place = target(service.port)
        under_way = await transport.send(call(), place)
        # The one that is too old serves until there is another.
        old = replace(place, max_connection_age=0.0)
        answers = [await transport.send(call(), old)]
        async with asyncio.timeout(PATIENCE):
            while len({*service.peers}) == 1:
                answers.append(await transport.send(call(), place))
        hold.set()
        for answer in (under_way, *answers):
            assert b"one!" in await read_all(answer)
        assert len({*service.peers}) == 2


async def test_a_proxy_is_taken_as_the_other_transports_take_it(
    transport: GrpcTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "grpc_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    async with serving(b"one") as service, proxy() as via:
        monkeypatch.setenv("ALL_PROXY", f"http://user:pass%20word@127.0.0.1:{via.port}")
        monkeypatch.setenv("NO_PROXY", "10.0.0.0/8,*.direct.invalid")
        # Its library would take this one.
        monkeypatch.setenv("grpc_proxy", "http://127.0.0.1:1")
        place = target(service.port, host="vendor.example")
        assert b"one!" in await read_all(await transport.send(call(), place))
        assert via.heads[0].startswith(b"CONNECT vendor.example:%d HTTP/1.1" % service.port)
        assert b"basic dxnlcjpwyxnzihdvcmq=" in via.heads[0].lower()
        with pytest.raises(ApiError) as caught:
            await transport.send(call(), target(service.port, host="a.direct.invalid"))
        assert caught.value.kind is Kind.CONNECT_FAILED
        assert b"one!" in await read_all(await transport.send(call(), target(service.port)))
        assert len(via.heads) == 1
