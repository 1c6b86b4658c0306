"""A real Envoy on a port of the kernel's choice, in front of the workers of one runtime directory."""

import asyncio
import json
import shutil
import tempfile
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import gateway
from gateway.process import ask_admin
from gateway.tracing import EdgeTracing


@dataclass(frozen=True, slots=True)
class Address:
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Edge:
    """A running Envoy."""

    port: int
    runtime_dir: Path

    @property
    def target(self) -> str:
        """Address of the gRPC port."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.target}"


@contextmanager
def runtime_directory() -> Generator[Path]:
    """A directory whose path leaves room for a unix socket's name, unlike pytest's."""
    directory = Path(tempfile.mkdtemp(prefix="parley-"))
    try:
        yield directory
    finally:
        shutil.rmtree(directory)


@asynccontextmanager
async def running_edge(
    runtime_dir: Path,
    *,
    workers: int = 1,
    template: Path | None = None,
    tracing: EdgeTracing | None = None,
    cors: Sequence[str] = (),
) -> AsyncGenerator[Edge]:
    config = gateway.render(
        listen=Address("127.0.0.1", 0),
        runtime_dir=runtime_dir,
        workers=workers,
        template=template,
        tracing=tracing,
        cors=cors,
    )
    process = await asyncio.create_subprocess_exec(*gateway.command(config, concurrency=1))
    try:
        while not await gateway.ready(runtime_dir):
            assert process.returncode is None, "Envoy did not start"
            await asyncio.sleep(0.01)  # polled: Envoy tells nobody when it is ready
        _, listeners = await ask_admin(runtime_dir, "GET", "/listeners?format=json")
        port: int = json.loads(listeners)["listener_statuses"][0]["local_address"]["socket_address"]["port_value"]
        yield Edge(port, runtime_dir)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
