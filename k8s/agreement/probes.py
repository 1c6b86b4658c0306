"""Probes: whether the port and path that kubelet asks are answered, by whom they are meant for."""

import re
from collections.abc import Iterator, Mapping

from k8s.document import Node, find, mapping, nodes, text
from k8s.workload import Built, Container, Workload, listeners

KINDS = ("startupProbe", "readinessProbe", "livenessProbe")
_MANAGER = ("filter_chains", 0, "filters", 0, "typed_config")
_HEALTH_SERVICE = "/grpc.health.v1.Health/"
_METRICS = "/metrics"
"""What the service answers on its own port."""


def every_container_is_probed(built: Built) -> Iterator[str]:
    """Startup, readiness and liveness, each by itself: a busy pod is not to be killed for not being ready."""
    for workload in built.workloads:
        for container in workload.containers:
            for kind in KINDS:
                if kind not in container.spec:
                    yield f"{container.name} has no {kind}"
            ready, alive = (find(container.spec, kind) for kind in KINDS[1:])
            if ready == alive:
                yield f"{container.name}: readiness and liveness ask the same in the same way"


def probes_are_answered(built: Built) -> Iterator[str]:
    """An HTTP probe's port is the container's and its path is served there; a gRPC probe comes to a worker."""
    envoy = {workload.name: listeners(files.get("envoy.yaml", "{}")) for workload, _, files in built.envoys}
    for workload in built.workloads:
        for container in workload.containers:
            for kind in KINDS:
                probe = mapping(container.spec, kind) or {}
                heard = envoy.get(workload.name, {})
                if "httpGet" in probe:
                    yield from _http(container, kind, probe, heard)
                elif "grpc" in probe:
                    yield from _grpc(workload, container, kind, probe, heard)


def _http(container: Container, kind: str, probe: Node, envoy: Mapping[int, Node]) -> Iterator[str]:
    named, path = text(probe, "httpGet", "port"), text(probe, "httpGet", "path")
    port = container.ports.get(named)
    if port is None:
        yield f"{container.name}: {kind} asks port {named}, which the container has not"
        return
    if container.argv[:1] == ["envoy"]:
        if path not in _answered(envoy.get(port, {})):
            yield f"{container.name}: {kind} asks {path}, which Envoy does not answer on {port}"
    elif container.argv[:2] == ["parley", "serve"] and (named, path) != ("metrics", _METRICS):
        yield f"{container.name}: {kind} asks {path} on {named}; the service answers {_METRICS} on metrics"


def _grpc(workload: Workload, container: Container, kind: str, probe: Node, envoy: Mapping[int, Node]) -> Iterator[str]:
    port = int(text(probe, "grpc", "port"))
    routes = nodes(envoy.get(port, {}), *_MANAGER, "route_config", "virtual_hosts", 0, "routes")
    clusters = {text(each, "route", "cluster") for each in routes if text(each, "match", "prefix") == _HEALTH_SERVICE}
    if clusters != {"workers"}:
        yield f"{container.name}: {kind} asks gRPC on {port}, where Envoy of {workload.name} routes no health service"
    if find(envoy.get(port, {}), "filter_chains", 0, "transport_socket") is not None:
        yield f"{container.name}: {kind} asks gRPC on {port}, where Envoy speaks TLS and kubelet does not"


def _answered(listener: Node) -> set[str]:
    """Paths that a listener answers with 200."""
    routes = nodes(listener, *_MANAGER, "route_config", "virtual_hosts", 0, "routes")
    direct = {text(each, "match", "path") for each in routes if text(each, "direct_response", "status") == "200"}
    checks = {
        text(header, "string_match", "exact")
        for each in nodes(listener, *_MANAGER, "http_filters")
        for header in nodes(each, "typed_config", "headers")
    }
    return direct | checks


def edge_asks_what_pods_answer(built: Built) -> Iterator[str]:
    """The path by which an edge checks pods is answered on their port for it."""
    pods = built.workload("parley")
    ready = {
        path
        for workload, _, files in built.envoys
        if workload == pods
        for listener in listeners(files.get("envoy.yaml", "{}")).values()
        for path in _answered(listener)
    }
    for workload, container, files in built.envoys:
        if workload == pods:
            continue
        asked = set(re.findall(r"http_health_check:\s+path: (\S+)", files.get("envoy.yaml", "")))
        if not asked or asked - ready:
            yield f"{container.name}: it checks {', '.join(sorted(asked)) or 'nothing'}, pods answer {sorted(ready)}"


RULES = (every_container_is_probed, probes_are_answered, edge_asks_what_pods_answer)
