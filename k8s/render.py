"""Makes the envoy.yaml of every container from the repository's one, which kustomize cannot reach, and the dashboard.

`python -m k8s.render` writes them; with `--check` it only says which of them are stale.
"""

import argparse
import copy
import functools
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from gateway.render import rendered
from k8s import dashboard
from k8s.document import Node, items, node, nodes, parse

ROOT = Path(__file__).parent
WORKERS = 2
"""Python workers of a pod; the Deployment's command line says the same."""

_MANAGER = ("filter_chains", 0, "filters", 0, "typed_config")

Edit = Callable[[Node], None]


@dataclass(frozen=True, slots=True)
class _AnyAddress:
    host: str = "0.0.0.0"
    port: int = 8080


@functools.cache
def targets() -> Mapping[str, str]:
    """Every generated file: its path below k8s/, and its text."""
    source = _pod()
    certificate, authority = (
        (ROOT / "envoy" / name).read_text(encoding="utf-8") for name in ("certificate.yaml", "authority.yaml")
    )
    configs = {
        "base/generated/envoy.yaml": (_with_health("workers"),),
        "components/tls/generated/envoy.yaml": (_with_health("workers"), _with_tls("callers")),
        "components/mtls/generated/envoy.yaml": (_with_health("workers"), _with_tls("mutual")),
        "components/edge/generated/envoy.yaml": (_as_edge, _with_health("pods")),
        "components/edge-tls/generated/pods/envoy.yaml": (_with_health("workers"), _with_tls("mutual")),
        "components/edge-tls/generated/edge/envoy.yaml": (
            _as_edge,
            _with_health("pods"),
            _with_tls("callers"),
            _with_mutual_pods,
        ),
    }
    watched = {
        "components/tls/generated/certificate.yaml": certificate,
        "components/mtls/generated/certificate.yaml": certificate,
        "components/mtls/generated/authority.yaml": authority,
        "components/edge-tls/generated/pods/certificate.yaml": certificate,
        "components/edge-tls/generated/pods/authority.yaml": authority,
        "components/edge-tls/generated/edge/certificate.yaml": certificate,
        "components/edge-tls/generated/edge/pods-certificate.yaml": _of_pods(certificate),
        "components/edge-tls/generated/edge/authority.yaml": _of_pods(authority),
    }
    return {
        **{path: _text(source, edits) for path, edits in configs.items()},
        **watched,
        "components/monitoring/generated/parley.json": dashboard.text(),
    }


def stale(root: Path = ROOT) -> list[str]:
    """The generated files below `root` that are missing or not what would be written now."""
    return [
        path
        for path, text in targets().items()
        if not (root / path).is_file() or (root / path).read_text(encoding="utf-8") != text
    ]


def main() -> int:
    """Write the generated files, or check that they are fresh; the exit status is 1 where one is not."""
    parser = argparse.ArgumentParser(prog="python -m k8s.render", description=main.__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing, only compare")
    check: bool = parser.parse_args().check
    if check:
        for path in (old := stale()):
            print(f"k8s/{path} is stale: run `python -m k8s.render`", file=sys.stderr)
        return 1 if old else 0
    for path, text in targets().items():
        file = ROOT / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return 0


def _pod() -> Node:
    """The repository's envoy.yaml with the addresses and paths of a pod."""
    return parse(
        rendered(
            listen=_AnyAddress(),
            runtime_dir=Path("/run/parley"),
            workers=WORKERS,
            # Where the gateway's image has it.
            descriptor_set=Path("/opt/parley/gateway/parley.binpb"),
        )
    )


def _with_health(cluster: str) -> Edit:
    """Adds the port for probes, which is ready while a host of `cluster` is."""

    def edit(document: Node) -> None:
        fragment = _fragment("health.yaml")
        listener = node(fragment, "listener")
        health_check = node(listener, *_MANAGER, "http_filters", 0, "typed_config")
        health_check["cluster_min_healthy_percentages"] = {cluster: {"value": 1}}
        if cluster == "workers":
            routes = items(listener, *_MANAGER, "route_config", "virtual_hosts", 0, "routes")
            routes.insert(0, fragment["worker_health_route"])
        items(document, "static_resources", "listeners").append(listener)

    return edit


def _with_tls(kind: str) -> Edit:
    """Callers are spoken to by TLS."""

    def edit(document: Node) -> None:
        fragment = _fragment("tls.yaml")
        document["node"] = fragment["node"]
        chain = node(document, "static_resources", "listeners", 0, "filter_chains", 0)
        chain["transport_socket"] = fragment[kind]

    return edit


def _with_mutual_pods(document: Node) -> None:
    """The edge speaks to pods by mutual TLS; their health port stays plain."""
    for cluster in nodes(document, "static_resources", "clusters"):
        if str(cluster["name"]).startswith("pods"):
            cluster["transport_socket_matches"] = _fragment("tls.yaml")["pods"]


def _as_edge(document: Node) -> None:
    """Keeps the edge's limits, times and errors; routes to pods instead of workers, and transcodes nothing."""
    fragment = _fragment("edge.yaml")
    manager = node(document, "static_resources", "listeners", 0, *_MANAGER)
    node(manager, "route_config", "virtual_hosts", 0)["routes"] = fragment["routes"]
    filters = items(manager, "http_filters")
    del filters[:-1]
    clusters: list[object] = []
    for name, policy in node(fragment, "policies").items():
        cluster: Node = {"name": name, "lb_policy": policy, **copy.deepcopy(node(fragment, "cluster"))}
        node(cluster, "load_assignment")["cluster_name"] = name
        clusters.append(cluster)
    static = node(document, "static_resources")
    static["clusters"] = [*clusters, fragment["admin_cluster"]]
    items(static, "listeners").append(fragment["metrics_listener"])


def _of_pods(secret: str) -> str:
    """The edge has two certificates: one for callers, and one for pods, which is mounted elsewhere."""
    return secret.replace("name: certificate", "name: pods-certificate").replace(
        "/etc/parley-tls", "/etc/parley-pods-tls"
    )


class _Plain(yaml.SafeDumper):
    """Writes what is used twice twice, so that each place can be read by itself."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _text(source: Node, edits: tuple[Edit, ...]) -> str:
    document = copy.deepcopy(source)
    for edit in edits:
        edit(document)
    head = "# Generated by `python -m k8s.render` from envoy.yaml and k8s/envoy/; the comments are there.\n"
    return head + yaml.dump(document, Dumper=_Plain, sort_keys=False, width=1000, allow_unicode=True)


def _fragment(name: str) -> Node:
    return parse((ROOT / "envoy" / name).read_text(encoding="utf-8"))


if __name__ == "__main__":
    sys.exit(main())
