"""What an instance says when it is ready: where it serves, and a request that can be copied."""

import json
import shlex
from pathlib import Path

from service.config import Config
from service.config.values import Address

_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}
"""Addresses that are listened on but not called → one that can be."""


def greeting(config: Config, listen: Address) -> str:
    """The closing words of a start.

    :param listen: where Envoy listens.
    """
    base = f"http://{Address(_ANY.get(listen.host, listen.host), listen.port)}"
    body = {
        "model": _model(config),
        "stream": True,
        "messages": [{"role": "user", "content": "Say hello in one sentence."}],
    }
    lines = [f"curl -N {base}/v1/chat/completions", "-H 'content-type: application/json'"]
    if config.keys is not None:
        lines.append('-H "authorization: Bearer $PARLEY_API_KEY"')
    lines.append(f"--data {shlex.quote(json.dumps(body))}")
    return f"Parley listens on {base} for REST and gRPC. Try it:\n\n" + " \\\n  ".join(lines) + "\n"


def greeting_without_edge(workers: int, runtime_dir: Path) -> str:
    """The closing words of a start without Envoy."""
    last = f" … worker-{workers - 1}.sock" if workers > 1 else ""
    return (
        f"Parley serves gRPC on {runtime_dir}/worker-0.sock{last}, for an Envoy to listen in front of it: "
        f"`parley envoy-config --runtime-dir {runtime_dir}` prints its configuration\n"
    )


def _model(config: Config) -> str:
    """The first model with a name of its own, or else the first pattern with a place to fill in."""
    names = list(config.models)
    whole = [name for name in names if not name.endswith("*")]
    return whole[0] if whole else names[0].removesuffix("*") + "MODEL" if names else "VENDOR/MODEL"
