"""Certificates: whom the transports trust, whom they say that they are, and what becomes of it when files change."""

import asyncio
import os
from dataclasses import replace
from pathlib import Path

import pytest

from service.config.load import parse
from service.errors import ApiError, Kind
from service.routing.table import RoutingError, build
from service.tls import TlsError, TlsFiles, load
from tests.upstream.servers import Authority, handling, make_authority, proxy, serving
from tests.upstream.stage import LIMITS, PATIENCE, Stage, read_all, staged


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="session")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("other"))


async def body_of(stage: Stage, base_url: str, files: TlsFiles | None) -> bytes:
    target = replace(stage.target(base_url, connect=PATIENCE), tls=load(files) if files else None)
    return (await read_all(await stage.send(target=target))).body


@staged
async def test_a_certificate_is_shown_where_the_vendor_asks_for_one(
    stage: Stage, authority: Authority, tmp_path: Path
) -> None:
    shown: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        subject = writer.get_extra_info("peercert")["subject"]
        shown.append(dict(pair for (pair,) in subject)["commonName"])
        while await reader.readuntil(b"{}"):
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfine")

    async def until_it_leaves(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except asyncio.IncompleteReadError:
            writer.close()

    files = TlsFiles(authority.ca, tmp_path / "own.pem", tmp_path / "own.key")
    async with handling(until_it_leaves, tls=authority.asking_server) as port:
        url = f"https://localhost:{port}"
        with pytest.raises(ApiError) as caught:
            await body_of(stage, url, TlsFiles(authority.ca))
        assert caught.value.kind in {Kind.CONNECT_FAILED, Kind.BAD_UPSTREAM}
        assert not shown
        authority.show("first", tmp_path)
        for _ in range(2):
            assert await body_of(stage, url, files) == b"fine"
        assert shown == ["first"]
        authority.show("second", tmp_path)
        # Not over the connection that was made with the old one.
        for _ in range(2):
            assert await body_of(stage, url, files) == b"fine"
        assert shown == ["first", "second"]
        await stage.transport.close()


@staged
async def test_an_answer_under_way_outlives_an_exchange(stage: Stage, authority: Authority, tmp_path: Path) -> None:
    gate = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"{}")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n")
        await gate.wait()
        writer.write(b"fine")
        await reader.read()
        writer.close()

    files = TlsFiles(authority.ca, tmp_path / "own.pem", tmp_path / "own.key")
    async with handling(serve, tls=authority.asking_server) as port:
        target = stage.target(f"https://localhost:{port}")
        authority.show("first", tmp_path)
        first = await stage.send(target=replace(target, tls=load(files)))
        authority.show("second", tmp_path)
        second = await stage.send(target=replace(target, tls=load(files)))
        gate.set()
        assert (await read_all(first)).body == b"fine"
        assert (await read_all(second)).body == b"fine"
        await stage.transport.close()


@staged
async def test_a_vendors_authority_holds_for_that_vendor_alone(
    stage: Stage, authority: Authority, stranger: Authority
) -> None:
    async with serving(tls=authority.server) as served:
        url = f"https://localhost:{served.port}"
        assert await body_of(stage, url, TlsFiles(authority.ca)) == b"fine"
        for files in (TlsFiles(stranger.ca), None):
            with pytest.raises(ApiError) as caught:
                await body_of(stage, url, files)
            stage.says(caught.value, "its certificate could not be verified")
        await stage.transport.close()


@staged
async def test_the_systems_bundle_is_read_again_when_it_changes(
    stage: Stage, authority: Authority, stranger: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "bundle.pem"))

    def trust(other: Authority) -> None:
        (tmp_path / "new.pem").write_bytes(other.ca.read_bytes())
        (tmp_path / "new.pem").rename(tmp_path / "bundle.pem")

    async with serving(tls=authority.server) as served:
        url = f"https://localhost:{served.port}"
        trust(stranger)
        with pytest.raises(ApiError):
            await body_of(stage, url, None)
        trust(authority)
        assert await body_of(stage, url, None) == b"fine"
        trust(stranger)
        # What is open was verified by an authority that is not trusted any more.
        with pytest.raises(ApiError):
            await body_of(stage, url, None)
        await stage.transport.close()


@staged
async def test_a_proxy_is_reached_over_tls(
    stage: Stage, authority: Authority, stranger: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", str(stranger.ca))
    async with serving(tls=authority.server) as served, proxy(tls=stranger.server) as via:
        monkeypatch.setenv("HTTPS_PROXY", f"https://user:word@localhost:{via.port}")
        url = f"https://vendor.example:{served.port}"
        for _ in range(2):
            # A vendor's own authority is none for the proxy.
            assert await body_of(stage, url, TlsFiles(authority.ca)) == b"fine"
        assert served.connections == 1
        assert via.heads[0].startswith(b"CONNECT vendor.example:%d HTTP/1.1\r\n" % served.port)
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca))
        with pytest.raises(ApiError) as caught:
            await body_of(stage, url.replace("vendor", "other.vendor"), TlsFiles(authority.ca))
        assert caught.value.kind is Kind.CONNECT_FAILED
        await stage.transport.close()
    async with proxy(b"407 Proxy Authentication Required", tls=stranger.server) as via:
        monkeypatch.setenv("SSL_CERT_FILE", str(stranger.ca))
        monkeypatch.setenv("HTTPS_PROXY", f"https://localhost:{via.port}")
        stage.transport = stage.kind.make(LIMITS)
        stage.exits.push_async_callback(stage.transport.close)
        with pytest.raises(ApiError) as caught:
            await body_of(stage, "https://vendor.example", TlsFiles(authority.ca))
        stage.says(caught.value, "could not be reached: the proxy refused the tunnel (407)")


PEM = "-----BEGIN CERTIFICATE-----\nnone\n-----END CERTIFICATE-----\n"


def test_files_that_cannot_be_used_are_refused(authority: Authority, stranger: Authority, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "broken").write_text(PEM)
    locked = tmp_path / "locked"
    locked.write_text(authority.key.read_text().replace("BEGIN PRIVATE", "BEGIN ENCRYPTED PRIVATE"))
    certificate, key, none, empty, broken = (
        authority.certificate, authority.key, tmp_path / "none", tmp_path / "empty", tmp_path / "broken",
    )  # fmt: skip
    for files, problem in (
        (TlsFiles(ca=none), f"the file {none} cannot be read: No such file or directory"),
        (TlsFiles(ca=tmp_path), f"the file {tmp_path} cannot be read: Is a directory"),
        (TlsFiles(ca=empty), f"ca: the file {empty} holds no certificate; expected PEM: -----BEGIN CERTIFICATE-----"),
        (TlsFiles(ca=broken), f"ca: the file {broken} holds no certificate; expected PEM: -----BEGIN CERTIFICATE-----"),
        (TlsFiles(ca=key), f"ca: the file {key} holds no certificate; expected PEM: -----BEGIN CERTIFICATE-----"),
        (TlsFiles(cert=none, key=key), f"the file {none} cannot be read: No such file or directory"),
        (TlsFiles(cert=certificate, key=none), f"the file {none} cannot be read: No such file or directory"),
        (TlsFiles(cert=key, key=key), f"cert: the file {key} holds no certificate; expected PEM: -----BEGIN CERTIFICATE-----"),
        (TlsFiles(cert=certificate), f"key: the file {certificate} holds no key; expected PEM: -----BEGIN PRIVATE KEY-----"),
        (TlsFiles(cert=certificate, key=locked), f"key: the file {locked} is locked by a passphrase, which nobody can be asked for"),
        (TlsFiles(cert=certificate, key=stranger.key), f"key: the key in {stranger.key} is not that of the certificate in {certificate}"),
        (TlsFiles(cert=broken, key=key), f"cert: the certificate in {broken} or the key in {key} cannot be read as PEM"),
    ):  # fmt: skip
        with pytest.raises(TlsError) as caught:
            load(files)
        assert str(caught.value) == problem


def test_a_certificate_and_its_key_may_be_one_file(authority: Authority, tmp_path: Path) -> None:
    both = tmp_path / "both.pem"
    both.write_bytes(authority.certificate.read_bytes() + authority.key.read_bytes())
    assert load(TlsFiles(cert=both)) is load(TlsFiles(cert=both))
    os.utime(both, (1, 1))
    assert load(TlsFiles(cert=both)).certificate == both.read_bytes()


PLACES = (
    ("vendors: {acme: {dialect: openai, base_url: 'https://a.example/v1', tls: {ca: none.pem}}}\nmodels: {acme/m: {}}\n", r"^vendors.acme.tls: the file .*none.pem cannot be read"),
    ("vendors: {acme: {dialect: openai, base_url: 'https://a.example/v1'}}\nmodels: {acme/m: {deployments: {one: {tls: {ca: none.pem}}}}}\n", r"^models.acme/m.deployments.one.tls: the file .*none.pem cannot be read"),
    ("vendors: {acme: {dialect: openai, base_url: 'http://a.example/v1', tls: {ca: none.pem}}}\nmodels: {acme/m: {}}\n", r"^vendors.acme.tls: http://a.example/v1 is not reached over TLS; expected https:// or grpcs://$"),
)  # fmt: skip


@pytest.mark.parametrize(("text", "problem"), PLACES, ids=["vendor", "deployment", "no TLS"])
def test_they_are_refused_by_their_place(text: str, problem: str) -> None:
    with pytest.raises(RoutingError, match=problem):
        build(parse(text))
