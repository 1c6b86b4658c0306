"""TLS as the components configure it, with certificates that are swapped as kubelet swaps them, under a real Envoy."""

import asyncio
import contextlib
import json
import shutil
import ssl
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from cryptography import x509

from gateway.process import ask_admin, command, ready
from k8s.certificates import Authority
from k8s.document import node, nodes, parse, text
from k8s.kustomize import Composition, build
from k8s.pod_files import PodFiles
from k8s.workload import Built
from tests.gateway.worker import Script, serving


@dataclass(frozen=True, slots=True)
class Secret:
    """A Secret as kubelet mounts it: names that lead by a link `..data` to a directory, which is replaced as one."""

    directory: Path

    def put(self, authority: Authority, host: str, version: int) -> None:
        data = self.directory / f"..{version}"
        authority.issue(data, host)
        (self.directory / "..new").symlink_to(data.name)
        (self.directory / "..new").rename(self.directory / "..data")
        for file in data.iterdir():
            with contextlib.suppress(FileExistsError):
                (self.directory / file.name).symlink_to(f"..data/{file.name}")


@dataclass(frozen=True, slots=True)
class Served:
    port: int
    secret: Secret
    authority: Authority
    root: Path

    def client(self, *, shows: bool = False) -> ssl.SSLContext:
        """A caller's TLS; with a certificate of the same authority where it shows one."""
        context = ssl.create_default_context(cadata=pem(self.authority))
        if shows:
            self.authority.issue(self.root / "caller", "caller")
            context.load_cert_chain(self.root / "caller" / "tls.crt", self.root / "caller" / "tls.key")
        return context


def pem(authority: Authority) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding  # noqa: PLC0415

    return authority.certificate.public_bytes(Encoding.PEM).decode()


@asynccontextmanager
async def served(component: str) -> AsyncGenerator[Served]:
    """The pod's Envoy of a component, before a scripted worker."""
    root = Path(tempfile.mkdtemp(prefix="parley-"))
    files = PodFiles(root)
    sockets, secret = files.place("/run/parley"), Secret(files.place("/etc/parley-tls"))
    sockets.mkdir()
    secret.directory.mkdir()
    authority = Authority.new()
    secret.put(authority, "parley-pods", 1)
    ((_, _, configs),) = Built(build(Composition("test", (component,)))).envoys
    files.write(
        "/etc/envoy",
        {name: on_loopback(config) if name == "envoy.yaml" else config for name, config in configs.items()},
    )
    try:
        async with serving(sockets / "worker-0.sock", Script()):
            config = files.place("/etc/envoy") / "envoy.yaml"
            process = await asyncio.create_subprocess_exec(*command(config, concurrency=1))
            try:
                async with asyncio.timeout(30):
                    while not await ready(sockets):
                        assert process.returncode is None
                _, listeners = await ask_admin(sockets, "GET", "/listeners?format=json")
                first = next(each for each in json.loads(listeners)["listener_statuses"] if each["name"] == "edge")
                yield Served(first["local_address"]["socket_address"]["port_value"], secret, authority, root)
            finally:
                process.terminate()
                await process.wait()
    finally:
        shutil.rmtree(root)


def on_loopback(config: str) -> str:
    """On ports of the kernel's choice."""
    document = parse(config)
    for listener in nodes(document, "static_resources", "listeners"):
        node(listener, "address", "socket_address").update(address="127.0.0.1", port_value=0)
    return yaml.safe_dump(document)


async def connected(to: Served, context: ssl.SSLContext) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", to.port, ssl=context, server_hostname="parley-pods")


def shown(writer: asyncio.StreamWriter) -> int:
    """Serial number of the certificate that the server showed."""
    return x509.load_der_x509_certificate(
        writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    ).serial_number


async def models(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """The status line of one request on a connection that stays open."""
    async with asyncio.timeout(30):
        writer.write(b"GET /v1/models HTTP/1.1\r\nhost: parley\r\n\r\n")
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        await reader.readexactly(int(head.partition(b"content-length:")[2].split()[0]))
        return head.split(b"\r\n")[0]


async def test_a_new_certificate_is_taken_up_and_open_connections_go_on() -> None:
    async with served("tls") as edge:
        reader, writer = await connected(edge, edge.client())
        old = shown(writer)
        edge.secret.put(edge.authority, "parley-pods", 2)
        async with asyncio.timeout(30):
            while True:
                _, fresh = await connected(edge, edge.client())
                serial = shown(fresh)
                fresh.close()
                if serial != old:
                    break
        assert b"200" in await models(reader, writer)
        assert shown(writer) == old
        writer.close()


async def test_callers_without_a_certificate_are_refused_by_mutual_tls() -> None:
    async with served("mtls") as edge:
        reader, writer = await connected(edge, edge.client(shows=True))
        assert b"200" in await models(reader, writer)
        writer.close()
        # With TLS 1.3 a client learns of it by its first read.
        with pytest.raises((ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)):  # noqa: PT012
            reader, writer = await connected(edge, edge.client())
            await models(reader, writer)


async def test_a_certificate_of_another_authority_is_no_good() -> None:
    async with served("mtls") as edge:
        stranger = Authority.new("stranger")
        stranger.issue(edge.root / "stranger", "caller")
        context = edge.client()
        context.load_cert_chain(edge.root / "stranger" / "tls.crt", edge.root / "stranger" / "tls.key")
        with pytest.raises((ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)):  # noqa: PT012
            reader, writer = await connected(edge, context)
            await models(reader, writer)


def test_the_edge_and_the_pods_show_each_other_certificates() -> None:
    built = Built(build(Composition("test", ("edge", "edge-tls"))))
    contexts = {
        container.workload: (text(listener, "typed_config", "require_client_certificate"), files)
        for _, container, files in built.envoys
        for listener in [
            node(parse(files["envoy.yaml"]), "static_resources", "listeners", 0, "filter_chains", 0, "transport_socket")
        ]
    }
    assert contexts["parley"][0] == "True"
    assert contexts["parley-edge"][0] == ""
    clusters = nodes(parse(contexts["parley-edge"][1]["envoy.yaml"]), "static_resources", "clusters")
    assert [bool(nodes(cluster, "transport_socket_matches")) for cluster in clusters] == [True, True, False]
