"""Servers for what the scripted vendor is not: TLS, unix sockets, a proxy, and places that never answer."""

import asyncio
import contextlib
import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfine"


@dataclass(slots=True)
class Served:
    """What a server saw."""

    port: int = 0
    heads: list[bytes] = field(default_factory=list[bytes])
    connections: int = 0
    met: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when there has been a connection."""
    lost: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a connection has ended."""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers every request with `fine`."""
        self.connections += 1
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.heads.append(head)
                await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]))
                writer.write(ANSWER)
        writer.close()
        self.lost.set()

    async def silence(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Reads and says nothing."""
        self.connections += 1
        self.met.set()
        with contextlib.suppress(ConnectionError):
            while await reader.read(65536):
                pass
        writer.close()
        self.lost.set()


Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[None, None, None]]


@contextlib.asynccontextmanager
async def handling(
    handler: Handler, *, tls: ssl.SSLContext | None = None, path: Path | None = None
) -> AsyncGenerator[int]:
    """A server on a port of 127.0.0.1, or on a unix socket; in the end every connection is dropped."""
    tasks: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with contextlib.suppress(asyncio.CancelledError):
            await handler(reader, writer)
        writer.transport.abort()

    if path is None:
        server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls)
        port: int = server.sockets[0].getsockname()[1]
    else:
        server = await asyncio.start_unix_server(handle, str(path))
        port = 0
    try:
        yield port
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks)
        # The transports' ends are told in the loop's next turns.
        await server.wait_closed()


@contextlib.asynccontextmanager
async def serving(
    *, tls: ssl.SSLContext | None = None, path: Path | None = None, silent: bool = False
) -> AsyncGenerator[Served]:
    """A server that answers every request, or none."""
    served = Served()
    async with handling(served.silence if silent else served.answer, tls=tls, path=path) as served.port:
        yield served


@contextlib.asynccontextmanager
async def proxy(
    status: bytes = b"200 Connection established", *, tls: ssl.SSLContext | None = None
) -> AsyncGenerator[Served]:
    """An HTTP proxy that opens any tunnel to 127.0.0.1, whatever the host's name, unless it refuses all."""
    served = Served()

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                writer.write(data)
        writer.close()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        served.heads.append(head)
        writer.write(b"HTTP/1.1 " + status + b"\r\n\r\n")
        if status.startswith(b"200"):
            port = int(head.split()[1].rpartition(b":")[2])
            there = await asyncio.open_connection("127.0.0.1", port)
            try:
                await asyncio.gather(pipe(reader, there[1]), pipe(there[0], writer))
            finally:
                there[1].transport.abort()
        else:
            await writer.drain()

    async with handling(handle, tls=tls) as served.port:
        yield served


@contextlib.contextmanager
def unanswering_port() -> Generator[int]:
    """A port whose queue of connections is full, so that connecting to it neither succeeds nor fails."""
    with contextlib.ExitStack() as exits:
        listener = exits.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        for _ in range(4):
            filler = exits.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        yield port


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority of the tests' own, and a server's certificate for `localhost` by it."""

    ca: Path
    certificate: Path
    key: Path

    @property
    def server(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context

    @property
    def asking_server(self) -> ssl.SSLContext:
        """One that asks for a certificate of the same authority."""
        context = self.server
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(self.ca)
        return context

    def show(self, name: str, folder: Path) -> None:
        """Makes a certificate for a client, `own.pem` and `own.key` in a folder, in place of the one before."""
        _openssl(self.ca.parent, *_NEW, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        _openssl(self.ca.parent, "x509", "-req", "-in", f"{name}.csr", *_BY_CA, "-days", "2", "-out", f"{name}.pem")
        for end in ("pem", "key"):
            # As Kubernetes does it: another file, and never one that is half written.
            (self.ca.parent / f"{name}.{end}").rename(folder / f"own.{end}")


_NEW = ("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
_BY_CA = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial")


def _openssl(folder: Path, *arguments: str) -> None:
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("needs the openssl program")
    subprocess.run([program, *arguments], cwd=folder, check=True, capture_output=True)


def make_authority(folder: Path) -> Authority:
    """Makes keys and certificates with the openssl program; skips the test where there is none."""
    (folder / "names").write_text("subjectAltName=DNS:localhost,DNS:vendor.example,IP:0.0.0.0\n")
    _openssl(folder, *_NEW, "-x509", "-days", "2", "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Tests")
    _openssl(folder, *_NEW, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost")
    _openssl(
        folder, "x509", "-req", "-in", "server.csr", *_BY_CA, "-days", "2", "-extfile", "names", "-out", "server.pem"
    )
    return Authority(folder / "ca.pem", folder / "server.pem", folder / "server.key")
