"""Ports, Services, policies and routes: whether what is named at one end is there at the other."""

from collections.abc import Iterator, Mapping

from google.api import annotations_pb2
from google.api.http_pb2 import HttpRule
from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health_pb2
from parley.chat.v1 import chat_service_pb2, model_service_pb2, rest_service_pb2

from k8s.document import Node, find, labels, nodes, read, text
from k8s.workload import Built, Workload, listeners

PART_OF = "app.kubernetes.io/part-of"
_TYPED = (chat_service_pb2, model_service_pb2, rest_service_pb2, health_pb2)
_SCRAPED = ("/metrics", "/metrics/envoy")


def services_reach_ports(built: Built) -> Iterator[str]:
    """A Service selects pods, all of which have the ports that it names."""
    for service in built.kind("Service"):
        name = text(service, "metadata", "name")
        chosen = built.selected(labels(service, "spec", "selector"))
        if not chosen:
            yield f"Service {name} selects no pods"
        for port in nodes(service, "spec", "ports"):
            target = text(port, "targetPort")
            for workload in chosen:
                if target not in workload.ports:
                    yield f"Service {name}: port {target} is not in the pods of {workload.name}"
                elif text(service, "spec", "clusterIP") == "None" and text(port, "port") != str(workload.ports[target]):
                    # Who finds pods by a headless Service comes to their own ports.
                    yield f"Service {name}: port {text(port, 'port')} is {workload.ports[target]} in {workload.name}"


def services_say_what_is_spoken(built: Built) -> Iterator[str]:
    """The port for callers is h2c, or https where Envoy has a certificate."""
    for service in built.kind("Service"):
        for port in nodes(service, "spec", "ports"):
            if text(port, "targetPort") != "edge" or text(service, "spec", "clusterIP") == "None":
                continue
            for workload, container, files in built.envoys:
                if workload not in built.selected(labels(service, "spec", "selector")):
                    continue
                listener = listeners(files.get("envoy.yaml", "{}")).get(container.ports.get("edge", 0), {})
                expected = "https" if find(listener, "filter_chains", 0, "transport_socket") else "kubernetes.io/h2c"
                if text(port, "appProtocol") != expected:
                    yield f"Service {text(service, 'metadata', 'name')}: appProtocol is not {expected}"


def envoys_listen_where_declared(built: Built) -> Iterator[str]:
    """The ports of an Envoy's container are those that its configuration listens on."""
    for _, container, files in built.envoys:
        heard = set(listeners(files.get("envoy.yaml", "{}")))
        if heard != set(container.ports.values()):
            declared = sorted(container.ports.values())
            yield f"{container.name}: ports {declared} are declared, Envoy listens on {sorted(heard)}"


def edge_finds_pods(built: Built) -> Iterator[str]:
    """The addresses that an Envoy looks up are headless Services with these ports."""
    for _, container, files in built.envoys:
        for cluster in nodes(read(files.get("envoy.yaml", "{}")), "static_resources", "clusters"):
            endpoint = find(cluster, "load_assignment", "endpoints", 0, "lb_endpoints", 0, "endpoint")
            host = text(endpoint, "address", "socket_address", "address")
            if not host:
                continue
            wanted = {
                text(endpoint, "address", "socket_address", "port_value"),
                text(endpoint, "health_check_config", "port_value"),
            }
            found = [each for each in built.kind("Service") if text(each, "metadata", "name") == host]
            ports = {text(port, "port") for each in found for port in nodes(each, "spec", "ports")}
            if not found or text(found[0], "spec", "clusterIP") != "None":
                yield f"{container.name}: {host} is not a headless Service"
            elif not wanted <= ports:
                yield f"{container.name}: Service {host} has no port {', '.join(sorted(wanted - ports))}"


def policies_name_ports(built: Built) -> Iterator[str]:
    """A NetworkPolicy's ports by name are in the pods at the receiving end, which exist."""
    for policy in built.kind("NetworkPolicy"):
        name = text(policy, "metadata", "name")
        own = built.selected(labels(policy, "spec", "podSelector", "matchLabels"))
        if not own:
            yield f"NetworkPolicy {name} selects no pods"
        for rule in nodes(policy, "spec", "ingress"):
            yield from _unknown_ports(name, rule, own)
        for rule in nodes(policy, "spec", "egress"):
            peers = [
                each
                for peer in nodes(rule, "to")
                if "namespaceSelector" not in peer and "podSelector" in peer
                for each in built.selected(labels(peer, "podSelector", "matchLabels"))
            ]
            yield from _unknown_ports(name, rule, peers)


def _unknown_ports(policy: str, rule: Node, workloads: list[Workload]) -> Iterator[str]:
    for port in nodes(rule, "ports"):
        named = text(port, "port")
        if not named.isdigit() and not any(named in workload.ports for workload in workloads):
            yield f"NetworkPolicy {policy}: no pod has a port {named}"


def nothing_is_open(built: Built) -> Iterator[str]:
    """One policy refuses everything, to and from every pod there is."""
    denied: list[Mapping[str, str]] = []
    for policy in built.kind("NetworkPolicy"):
        both = find(policy, "spec", "policyTypes") == ["Ingress", "Egress"]
        if both and not nodes(policy, "spec", "ingress") and not nodes(policy, "spec", "egress"):
            denied.append(labels(policy, "spec", "podSelector", "matchLabels"))
    for workload in built.workloads:
        if not any(selector.items() <= workload.labels.items() for selector in denied):
            yield f"{workload.name}: no NetworkPolicy refuses by default"


def monitors_find_services(built: Built) -> Iterator[str]:
    """A ServiceMonitor's labels and port are those of a Service, and its paths are served."""
    for monitor in built.kind("ServiceMonitor"):
        name = text(monitor, "metadata", "name")
        selector = labels(monitor, "spec", "selector", "matchLabels")
        found = [
            each for each in built.kind("Service") if selector.items() <= labels(each, "metadata", "labels").items()
        ]
        if not found and name != "parley-edge":
            yield f"ServiceMonitor {name} selects no Service"
        for endpoint in nodes(monitor, "spec", "endpoints"):
            if text(endpoint, "path") not in _SCRAPED:
                yield f"ServiceMonitor {name}: nothing serves {text(endpoint, 'path')}"
            for service in found:
                if text(endpoint, "port") not in {text(port, "name") for port in nodes(service, "spec", "ports")}:
                    wanted = text(endpoint, "port")
                    yield f"ServiceMonitor {name}: {text(service, 'metadata', 'name')} has no port {wanted}"


def routes_lead_somewhere(built: Built) -> Iterator[str]:
    """A route's backends are Services with that port; its gRPC services and paths are those of the contract."""
    paths = {path for module in _TYPED for service in _services(module) for path in _paths(service)}
    known = {service.full_name for module in _TYPED for service in _services(module)}
    ports = {
        (text(service, "metadata", "name"), text(port, "port"))
        for service in built.kind("Service")
        for port in nodes(service, "spec", "ports")
    }
    for route in built.kind("HTTPRoute", "GRPCRoute"):
        name = f"{text(route, 'kind')} {text(route, 'metadata', 'name')}"
        for rule in nodes(route, "spec", "rules"):
            for backend in nodes(rule, "backendRefs"):
                if (text(backend, "name"), text(backend, "port")) not in ports:
                    yield f"{name}: there is no Service {text(backend, 'name')} with port {text(backend, 'port')}"
            prefixes = [text(match, "path", "value") for match in nodes(rule, "matches") if "path" in match]
            for prefix in prefixes:
                if not any(path.startswith(f"{prefix}/") for path in paths):
                    yield f"{name}: nothing is served below {prefix}"
            for path in paths if prefixes else ():
                if not any(path.startswith(f"{prefix}/") for prefix in prefixes):
                    yield f"{name}: {path} is not routed"
            for match in nodes(rule, "matches"):
                if "method" in match and text(match, "method", "service") not in known:
                    yield f"{name}: there is no gRPC service {text(match, 'method', 'service')}"


def _services(module: object) -> list[ServiceDescriptor]:
    descriptor = getattr(module, "DESCRIPTOR")  # noqa: B009 (each generated module has one)
    return list(descriptor.services_by_name.values())


def _paths(service: ServiceDescriptor) -> Iterator[str]:
    for method in service.methods:
        rule = HttpRule()
        rule.CopyFrom(method.GetOptions().Extensions[annotations_pb2.http])  # pyright: ignore[reportArgumentType, reportUnknownArgumentType]
        for each in (rule, *rule.additional_bindings):
            yield from (path for path in (each.get, each.post) if path)


RULES = (
    services_reach_ports,
    services_say_what_is_spoken,
    envoys_listen_where_declared,
    edge_finds_pods,
    policies_name_ports,
    nothing_is_open,
    monitors_find_services,
    routes_lead_somewhere,
)
