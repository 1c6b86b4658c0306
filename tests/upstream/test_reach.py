"""Reaching a vendor: names, sockets, TLS, proxies, and every way in which it cannot be reached."""

import asyncio
import contextlib
import gc
import socket
from pathlib import Path

import pytest

from service.errors import ApiError, Kind
from service.tls import TlsFiles, load
from service.upstream.http_race import connect
from service.upstream.resolver import Place
from tests.upstream.servers import Authority, make_authority, proxy, serving, unanswering_port
from tests.upstream.stage import PATIENCE, Stage, read_all, staged
from tests.vendor import raw, unused_port


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def trusting(stage: Stage, authority: Authority) -> None:
    """Makes the stage's transport trust the tests' authority."""
    stage.tls = load(TlsFiles(ca=authority.ca))


async def error_of(stage: Stage, base_url: str, connect: float = PATIENCE) -> ApiError:
    with pytest.raises(ApiError) as caught:
        await stage.send(target=stage.target(base_url, connect=connect))
    return caught.value


@staged
async def test_a_host_is_reached_by_name(stage: Stage) -> None:
    stage.vendor.answer(raw(200, b"fine", {}))
    url = stage.vendor.base_url.replace("127.0.0.1", "localhost")
    assert (await read_all(await stage.send(target=stage.target(url + "/v1/")))).body == b"fine"
    request = stage.vendor.requests[0]
    assert request.headers["host"] == url.removeprefix("http://")


@staged
async def test_a_unix_socket_is_reached(stage: Stage, tmp_path: Path) -> None:
    path = tmp_path / "s"
    async with serving(path=path) as served:
        for _ in range(2):
            target = stage.target("http://local/v1", socket=str(path))
            assert (await read_all(await stage.send(target=target))).body == b"fine"
        assert served.connections == 1
        assert b"\r\nhost: local\r\n" in served.heads[0].lower()
        await stage.transport.close()
        await asyncio.wait_for(served.lost.wait(), PATIENCE)


@staged
async def test_hosts_do_not_share_connections(stage: Stage) -> None:
    stage.vendor.always(raw(200, b"fine", {}))
    by_name = stage.vendor.base_url.replace("127.0.0.1", "localhost")
    for url in (stage.vendor.base_url, by_name, stage.vendor.base_url, by_name):
        await read_all(await stage.send(target=stage.target(url)))
    assert [request.connection for request in stage.vendor.requests] == [0, 1, 0, 1]


@staged
async def test_a_refused_connection_is_told(stage: Stage) -> None:
    error = await error_of(stage, f"http://127.0.0.1:{unused_port()}")
    assert (error.kind, error.message) == (Kind.CONNECT_FAILED, "acme: could not be reached: Connection refused")


@staged
async def test_a_missing_socket_is_told(stage: Stage, tmp_path: Path) -> None:
    with pytest.raises(ApiError) as caught:
        await stage.send(target=stage.target("http://local", socket=str(tmp_path / "none")))
    assert caught.value.kind is Kind.CONNECT_FAILED
    stage.says(caught.value, "could not be reached: No such file or directory")


@pytest.mark.parametrize("host", ["name.invalid", "a..b", "x" * 70 + ".invalid"])
@staged
async def test_an_unknown_name_is_told(stage: Stage, host: str) -> None:
    error = await error_of(stage, f"http://{host}")
    assert error.kind in {Kind.CONNECT_FAILED, Kind.BAD_UPSTREAM}
    assert stage.kind.transport != "http" or error.kind is Kind.CONNECT_FAILED


@staged
async def test_a_host_that_does_not_answer_is_given_up(stage: Stage) -> None:
    with unanswering_port() as port:
        error = await error_of(stage, f"http://127.0.0.1:{port}", connect=0.2)
    assert error.kind is Kind.CONNECT_TIMEOUT
    assert error.message == "acme: could not be reached within 0.2 s"


@staged
async def test_cancelling_while_connecting_leaves_nothing_open(stage: Stage) -> None:
    with unanswering_port() as port:
        sending = asyncio.ensure_future(stage.send(target=stage.target(f"http://127.0.0.1:{port}")))
        await asyncio.sleep(0)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending


@staged
async def test_tls_is_verified_and_used_again(stage: Stage, authority: Authority) -> None:
    trusting(stage, authority)
    async with serving(tls=authority.server) as served:
        for _ in range(2):
            target = stage.target(f"https://localhost:{served.port}/v1")
            assert (await read_all(await stage.send(b"x" * 300_000, target=target))).body == b"fine"
        assert served.connections == 1
        await stage.transport.close()
        await asyncio.wait_for(served.lost.wait(), PATIENCE)


@staged
async def test_an_unknown_authority_is_refused(stage: Stage, authority: Authority) -> None:
    async with serving(tls=authority.server) as served:
        error = await error_of(stage, f"https://localhost:{served.port}")
    assert (error.kind, error.message) == (Kind.CONNECT_FAILED, "acme: its certificate could not be verified")


@staged
async def test_a_certificate_for_another_host_is_refused(stage: Stage, authority: Authority) -> None:
    trusting(stage, authority)
    async with serving(tls=authority.server) as served:
        error = await error_of(stage, f"https://127.0.0.1:{served.port}")
        assert not served.heads
    assert (error.kind, error.message) == (Kind.CONNECT_FAILED, "acme: its certificate could not be verified")


@staged
async def test_a_server_without_tls_is_told(stage: Stage) -> None:
    error = await error_of(stage, stage.vendor.base_url.replace("http", "https"))
    assert error.kind is Kind.CONNECT_FAILED
    assert "127.0.0.1" not in error.message


@staged
async def test_a_handshake_that_hangs_is_given_up(stage: Stage) -> None:
    async with serving(silent=True) as served:
        error = await error_of(stage, f"https://127.0.0.1:{served.port}", connect=0.2)
        assert error.kind is Kind.CONNECT_TIMEOUT
        await asyncio.wait_for(served.lost.wait(), PATIENCE)


@staged
async def test_cancelling_in_the_handshake_closes(stage: Stage) -> None:
    async with serving(silent=True) as served:
        sending = asyncio.ensure_future(stage.send(target=stage.target(f"https://127.0.0.1:{served.port}")))
        await served.met.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        await asyncio.wait_for(served.lost.wait(), PATIENCE)


@staged
async def test_a_proxy_opens_a_tunnel(
    stage: Stage, authority: Authority, monkeypatch: pytest.MonkeyPatch, no_proxy: None
) -> None:
    trusting(stage, authority)
    async with serving(tls=authority.server) as served, proxy() as via:
        monkeypatch.setenv("https_proxy", f"http://user:pass%20word@127.0.0.1:{via.port}")
        for _ in range(2):
            target = stage.target(f"https://vendor.example:{served.port}")
            assert (await read_all(await stage.send(target=target))).body == b"fine"
        assert served.connections == 1
        (head,) = via.heads
        asked, *fields = head.rstrip().split(b"\r\n")
        assert asked == b"CONNECT vendor.example:%d HTTP/1.1" % served.port
        names = {name.lower(): value for name, _, value in (line.partition(b": ") for line in fields)}
        assert names[b"host"] == b"vendor.example:%d" % served.port
        assert names[b"user-agent"] == b"parley"
        assert names[b"proxy-authorization"] == b"Basic dXNlcjpwYXNzIHdvcmQ="
        assert b"authorization" not in names
        assert b"proxy-authorization" not in served.heads[0]
        await stage.transport.close()


@staged
async def test_a_proxys_refusal_is_told(
    stage: Stage, authority: Authority, monkeypatch: pytest.MonkeyPatch, no_proxy: None
) -> None:
    trusting(stage, authority)
    async with proxy(b"407 Proxy Authentication Required") as via:
        monkeypatch.setenv("https_proxy", f"http://user:secret@127.0.0.1:{via.port}")
        error = await error_of(stage, "https://vendor.example")
    assert error.kind is Kind.CONNECT_FAILED
    assert error.message == "acme: could not be reached: the proxy refused the tunnel (407)"


@staged
async def test_a_proxy_passes_plain_requests_on(stage: Stage, monkeypatch: pytest.MonkeyPatch, no_proxy: None) -> None:
    async with serving() as via:
        monkeypatch.setenv("http_proxy", f"http://user:secret@127.0.0.1:{via.port}")
        monkeypatch.setenv("no_proxy", "direct.invalid")
        target = stage.target("http://vendor.example/v1")
        assert (await read_all(await stage.send(target=target))).body == b"fine"
        assert via.heads[0].startswith(b"POST http://vendor.example/v1/v1/chat/completions HTTP/1.1\r\n")
        assert b"\r\nhost: vendor.example\r\n" in via.heads[0].lower()
        assert b"proxy-authorization: Basic " in via.heads[0]
        assert (await error_of(stage, "http://direct.invalid")).kind is Kind.CONNECT_FAILED
        stage.vendor.answer(raw(200, b"own", {}))
        assert (await read_all(await stage.send())).body == b"own"
        assert len(via.heads) == 1
        await stage.transport.close()


def place(port: int) -> Place:
    return Place(socket.AF_INET, ("127.0.0.1", port))


@staged
async def test_the_first_address_that_answers_is_taken(stage: Stage) -> None:
    port = int(stage.vendor.base_url.rpartition(":")[2])
    with unanswering_port() as silent:
        for places in ([silent, port], [unused_port(), port], [unused_port(), silent, port], [port, silent]):
            with contextlib.closing(await connect([place(each) for each in places], 0.05)) as connection:
                assert connection.getpeername()[1] == port
        with pytest.raises(ConnectionRefusedError):
            await connect([place(unused_port()), place(unused_port())], 0.05)


@staged
async def test_losers_of_a_race_are_closed(stage: Stage) -> None:
    async with serving(silent=True) as served:
        for _ in range(20):
            (await connect([place(served.port)] * 8, 0)).close()
        # A socket left open makes a warning when it is collected, and that an error.
        gc.collect()
        await asyncio.wait_for(served.lost.wait(), PATIENCE)
