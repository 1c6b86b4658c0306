"""A proxy that runs by the snippet of docs/deploy.md, with the addresses and files of a test put into it."""

import asyncio
import re
import ssl
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from k8s.certificates import Authority
from tests.proxies.programs import path_of
from tests.vendor import unused_port

HOST = "localhost"
DOCUMENT = (Path(__file__).parents[2] / "docs" / "deploy.md").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Proxy:
    """A running one, and how it is trusted."""

    name: str
    port: int
    authority: bytes
    """The certificate of the authority that signed its own, as PEM."""

    @property
    def url(self) -> str:
        return f"https://{HOST}:{self.port}"

    @property
    def target(self) -> str:
        return f"{HOST}:{self.port}"

    @property
    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cadata=self.authority.decode())


def snippet(language: str) -> str:
    """The one block of a language in the page."""
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)
    return str(found)


def _nginx(text: str, folder: Path) -> list[str]:
    paths = "".join(
        f"{name}_temp_path {folder}/{name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    config = folder / "nginx.conf"
    config.write_text(
        # One process, as the user who tests: the master would become another user's.
        f"daemon off; master_process off; pid {folder}/pid; error_log stderr;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{paths}{text}\n}}\n",
        encoding="utf-8",
    )
    return [path_of("nginx"), "-p", str(folder), "-c", str(config)]


def _haproxy(text: str, folder: Path) -> list[str]:
    (folder / "parley.pem").write_bytes((folder / "tls.crt").read_bytes() + (folder / "tls.key").read_bytes())
    config = folder / "haproxy.cfg"
    config.write_text(text, encoding="utf-8")
    return [path_of("haproxy"), "-db", "-f", str(config)]


_COMMANDS: dict[str, Callable[[str, Path], list[str]]] = {"nginx": _nginx, "haproxy": _haproxy}
_PUT = (
    ("127.0.0.1:8080", "127.0.0.1:{parley}", {"nginx": 1, "haproxy": 2}),
    ("listen 443 ", "listen 127.0.0.1:{port} ", {"nginx": 1}),
    ("bind :443 ", "bind 127.0.0.1:{port} ", {"haproxy": 1}),
    ("/etc/nginx/parley/", "{folder}/", {"nginx": 2}),
    ("/etc/haproxy/", "{folder}/", {"haproxy": 1}),
)
"""What a test puts into the snippets, and how often each holds it."""

PROXIES = tuple(_COMMANDS)


@asynccontextmanager
async def proxying(name: str, parley: int, folder: Path) -> AsyncGenerator[Proxy]:
    """A proxy before the port of a Parley, until the block ends; it listens when the block begins."""
    Authority.new().issue(folder, HOST)
    text, port = snippet(name), unused_port()
    for given, put, times in _PUT:
        assert text.count(given) == times.get(name, 0), given
        text = text.replace(given, put.format(parley=parley, port=port, folder=folder))
    process = await asyncio.create_subprocess_exec(*_COMMANDS[name](text, folder))
    try:
        async with asyncio.timeout(20):
            while not await _listens(port):
                assert process.returncode is None, f"{name} did not start"
                await asyncio.sleep(0.01)  # polled: it tells nobody when it listens
        yield Proxy(name, port, (folder / "ca.crt").read_bytes())
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionRefusedError:
        return False
    writer.close()
    return True
