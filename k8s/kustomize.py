"""Builds overlays and compositions of components with kubectl, each as an operator would."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from k8s.document import Node, parse_all

ROOT = Path(__file__).parent
_KUBECTL = Path(sys.executable).parent / "kubectl"

FRONTS: tuple[tuple[str, ...], ...] = ((), ("tls",), ("mtls",), ("edge",), ("edge", "edge-tls"))
"""What callers come to; one of these, in this order."""
_PLAIN_FRONTS = ((), ("edge",))
ADDITIONS = ("hpa", "monitoring", "tracing", "redis", "vllm-gpu", "local-model")
"""What goes with any front, alone and together."""
ROUTES = "gateway-api"
"""Goes with fronts without TLS: a Gateway that speaks TLS to Services needs a policy of the cluster's own."""


@dataclass(frozen=True, slots=True)
class Composition:
    """Components on top of the base, or an overlay as it stands."""

    name: str
    components: tuple[str, ...] = ()
    overlay: str | None = None


class BuildError(Exception):
    """kubectl refuses a kustomization; the message is its own."""


def compositions() -> tuple[Composition, ...]:
    """All that is built: the overlays, each component alone, and each front with all that goes with it."""
    overlays = [
        Composition(f"overlays/{path.name}", overlay=path.name) for path in sorted((ROOT / "overlays").iterdir())
    ]
    alone = [(component,) for component in (*ADDITIONS, ROUTES)]
    full: list[tuple[str, ...]] = []
    for front in FRONTS:
        additions = (*ADDITIONS, *((ROUTES,) if front in _PLAIN_FRONTS else ()))
        # The order of the rest is the operator's.
        full += [(*front, *additions), (*reversed(additions), *front)]
    members = dict.fromkeys((*FRONTS, *alone, *full))
    return (*overlays, *(Composition("+".join(("base", *each)), each) for each in members))


def build(composition: Composition, root: Path = ROOT) -> list[Node]:
    """The objects of a composition, of the manifests below `root`. Raises BuildError."""
    if composition.overlay is not None:
        return _kustomize(root / "overlays" / composition.overlay)
    with _composed(composition, root) as directory:
        return _kustomize(directory)


@contextmanager
def _composed(composition: Composition, root: Path) -> Generator[Path]:
    with tempfile.TemporaryDirectory(prefix="parley-k8s-") as name:
        directory = Path(name).resolve()
        above = Path(os.path.relpath(root.resolve(), directory))
        document = {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "namespace": "parley",
            "resources": [str(above / "base")],
            "components": [str(above / "components" / component) for component in composition.components],
        }
        (directory / "kustomization.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
        yield directory


def _kustomize(directory: Path) -> list[Node]:
    done = subprocess.run([_KUBECTL, "kustomize", str(directory)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildError(done.stderr.strip())
    return parse_all(done.stdout)
