"""A small cluster on loopback addresses: pods that are built from the manifests, names for them, an edge before them."""

import contextlib
import hashlib
import shutil
import socket
import tempfile
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from k8s.document import Node, node, nodes, parse, text
from k8s.kustomize import Composition, build
from k8s.pod_files import PodFiles
from k8s.workload import Built
from tests.k8s.kubelet import Pod, Scale
from tests.k8s.names import Names, serving_names

KEY = "sk-of-the-rolling-update"
MODEL = "openai/paced"
SCALE = Scale({"--at-least": "2", "--linger": "1s"})
_PORTS = (8080, 8081, 9464)


@dataclass(slots=True)
class Cluster:
    """Pods by address, and an edge."""

    built: Built
    root: Path
    vendor: str
    names: Names
    ports: Mapping[int, int]
    pods: dict[str, Pod] = field(default_factory=dict[str, Pod])
    edge: Pod | None = None

    async def add(self) -> Pod:
        """Starts a replica at the next address; it gets its name when it is ready."""
        address = f"127.0.1.{len(self.pods) + 2}"
        pod = self._pod("parley", address)
        self.pods[address] = pod
        _write(pod, self._service_files(pod))
        await pod.start()
        self.names.addresses.add(address)
        return pod

    async def remove(self, pod: Pod) -> dict[str, int | None]:
        """Stops a replica as kubelet does, while its name is taken away; returns how its containers ended."""
        self.names.addresses.discard(pod.address)
        return await pod.stop()

    async def add_edge(self) -> Pod:
        """Starts the edge, which finds the pods by their name."""
        self.edge = pod = self._pod("parley-edge", "127.0.1.1")
        _write(pod, {})
        await pod.start()
        return pod

    def _pod(self, name: str, address: str) -> Pod:
        workload = self.built.workload(name)
        assert workload is not None
        pod = Pod(workload, PodFiles(self.root / address), address, self.ports, SCALE)
        pod.files.place("/run/parley").mkdir(parents=True)
        for _, container, files in self.built.envoys:
            if container.workload == name:
                pod.files.write("/etc/envoy", {path: self._here(config, address) for path, config in files.items()})
        return pod

    def _service_files(self, pod: Pod) -> Mapping[str, Mapping[str, str]]:
        """parley.yaml as the manifest has it, but for the vendor, the key, and where metrics are served."""
        file = parse(self.built.files("parley-config")["parley.yaml"])
        file["keys"] = [{"name": "test", "sha256": hashlib.sha256(KEY.encode()).hexdigest()}]
        node(file, "vendors", "openai")["base_url"] = self.vendor
        file["models"] = {"openai/*": {"retries": {"attempts": 0}}}
        node(file, "metrics")["listen"] = f"{pod.address}:{self.ports[9464]}"
        return {
            "/etc/parley": {"parley.yaml": yaml.safe_dump(file)},
            "/etc/parley-vendor-keys": {"openai": "sk-vendor"},
        }

    def _here(self, config: str, address: str) -> str:
        document = parse(config)
        static = node(document, "static_resources")
        for listener in nodes(static, "listeners"):
            place = node(listener, "address", "socket_address")
            place |= {"address": address, "port_value": self.ports[int(text(place, "port_value"))]}
        for cluster in nodes(static, "clusters"):
            if text(cluster, "cluster_type", "name") == "envoy.cluster.dns":
                self._find_pods_here(cluster)
        return yaml.safe_dump(document)

    def _find_pods_here(self, cluster: Node) -> None:
        endpoint = node(cluster, "load_assignment", "endpoints", 0, "lb_endpoints", 0, "endpoint")
        for place, key in (
            (node(endpoint, "address", "socket_address"), "port_value"),
            (node(endpoint, "health_check_config"), "port_value"),
        ):
            place[key] = self.ports[int(text(place, key))]
        resolver = {"socket_address": {"address": "127.0.0.1", "port_value": self.names.port, "protocol": "UDP"}}
        node(cluster, "cluster_type", "typed_config").update(
            dns_refresh_rate="0.5s",
            dns_lookup_family="V4_ONLY",
            typed_dns_resolver_config={
                "name": "envoy.network.dns_resolver.cares",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig",
                    "resolvers": [resolver],
                },
            },
        )


@asynccontextmanager
async def cluster(vendor: str, *components: str) -> AsyncGenerator[Cluster]:
    """An empty cluster for the base with some components; all that it runs ends with the block."""
    # Short, for the sockets' sake.
    root = Path(tempfile.mkdtemp(prefix="parley-"))
    built = Built(build(Composition("test", components)))
    async with serving_names() as names:
        started = Cluster(built, root, vendor, names, dict(zip(_PORTS, _free_ports(len(_PORTS)), strict=True)))
        try:
            yield started
        finally:
            for pod in (*started.pods.values(), *filter(None, [started.edge])):
                await pod.kill()
            shutil.rmtree(root)


def _write(pod: Pod, files: Mapping[str, Mapping[str, str]]) -> None:
    for path, members in files.items():
        pod.files.write(path, members)


def _free_ports(count: int) -> list[int]:
    """Ports that no address of this machine uses."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("0.0.0.0", 0))
        return [each.getsockname()[1] for each in sockets]
