"""What is compared: one entry per gateway, each started from a command line and a file or two of configuration."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass, field
from pathlib import Path
from string import Template

HERE = Path(__file__).parent
ROOT = HERE.parent
KEY = "bench-caller-key"
"""The caller's key; no secret, since only the benchmark's own service knows it."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A gateway before the mock vendor, or the vendor itself where there is no command.

    In `command` and in the template, `$port` is where the peer is to listen on 127.0.0.1, `$vendor` the mock vendor's
    port, `$config` the rendered template, `$directory` a directory of the peer's own, `$python` this interpreter.
    """

    name: str
    command: tuple[str, ...] = ()
    template: str | None = None
    """File in bench/ that is rendered to `$config`."""
    model_prefix: str = ""
    environment: dict[str, str] = field(default_factory=dict[str, str])
    headers: tuple[str, ...] = (f"Authorization: Bearer {KEY}",)

    def render(self, port: int, vendor_port: int, directory: Path) -> list[str]:
        """Write the peer's configuration, and return its command line."""
        values = {
            "port": str(port),
            "vendor": str(vendor_port),
            "directory": str(directory),
            "config": str(directory / (self.template or "")),
            "python": sys.executable,
            "key_sha256": hashlib.sha256(KEY.encode()).hexdigest(),
        }
        if self.template:
            text = (HERE / self.template).read_text()
            (directory / self.template).write_text(Template(text).substitute(values))
        return [Template(part).substitute(values) for part in self.command]


DIRECT = Peer("direct")
"""The mock vendor with nothing before it: what the measurement itself costs."""

PEERS = (
    DIRECT,
    Peer(
        "parley",
        command=("$python", "-m", "service.cli.main", "up", "--config", "$config"),
        template="parley.yaml",
        model_prefix="mock/",
        environment={"BENCH_VENDOR_KEY": "bench-vendor-key", "PYTHONPATH": f"{ROOT}:{ROOT / 'protos'}"},
    ),
)
