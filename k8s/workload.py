"""What was built, as the rules ask about it: workloads, their containers, Services and configuration files."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from k8s.document import Node, labels, node, nodes, read, strings, text

POD_KINDS = ("Deployment", "StatefulSet", "DaemonSet")


@dataclass(frozen=True, slots=True)
class Container:
    """One container that runs as long as its pod."""

    workload: str
    spec: Node
    sidecar: bool

    @property
    def name(self) -> str:
        """As messages name it: workload/container."""
        return f"{self.workload}/{text(self.spec, 'name')}"

    @property
    def argv(self) -> list[str]:
        """Its command line."""
        return [*strings(self.spec, "command"), *strings(self.spec, "args")]

    @property
    def ports(self) -> Mapping[str, int]:
        """Its ports by name."""
        return {text(port, "name"): int(text(port, "containerPort")) for port in nodes(self.spec, "ports")}

    @property
    def mounts(self) -> Mapping[str, str]:
        """Names of volumes by where they are mounted."""
        return {text(mount, "mountPath"): text(mount, "name") for mount in nodes(self.spec, "volumeMounts")}

    def option(self, name: str) -> str:
        """The word after an option of the command line; empty where it is not given."""
        argv = self.argv
        return argv[argv.index(name) + 1] if name in argv[:-1] else ""


@dataclass(frozen=True, slots=True)
class Workload:
    """What makes pods."""

    name: str
    spec: Node

    @property
    def pod(self) -> Node:
        """The pod's spec."""
        return node(self.spec, "spec", "template", "spec")

    @property
    def labels(self) -> Mapping[str, str]:
        """Of its pods."""
        return labels(self.spec, "spec", "template", "metadata", "labels")

    @property
    def containers(self) -> Sequence[Container]:
        """All that run, sidecars first, as they start."""
        sidecars = [each for each in nodes(self.pod, "initContainers") if text(each, "restartPolicy") == "Always"]
        return [
            *(Container(self.name, each, sidecar=True) for each in sidecars),
            *(Container(self.name, each, sidecar=False) for each in nodes(self.pod, "containers")),
        ]

    @property
    def ports(self) -> Mapping[str, int]:
        """Ports of all its containers by name."""
        return {name: port for container in self.containers for name, port in container.ports.items()}

    def source(self, volume: str, kind: str, key: str) -> str:
        """Name of the ConfigMap or Secret behind a volume; empty where it is of another kind."""
        for each in nodes(self.pod, "volumes"):
            if text(each, "name") == volume:
                return text(each, kind, key)
        return ""


@dataclass(frozen=True, slots=True)
class Built:
    """All objects of one composition."""

    objects: Sequence[Node]

    def kind(self, *kinds: str) -> Iterator[Node]:
        """The objects of some kinds."""
        return (each for each in self.objects if text(each, "kind") in kinds)

    @property
    def workloads(self) -> Sequence[Workload]:
        """Whatever makes pods."""
        return [Workload(text(each, "metadata", "name"), each) for each in self.kind(*POD_KINDS)]

    def workload(self, name: str) -> Workload | None:
        """The one of a name."""
        return next((each for each in self.workloads if each.name == name), None)

    def selected(self, selector: Mapping[str, str]) -> list[Workload]:
        """Those whose pods have all these labels."""
        return [each for each in self.workloads if selector.items() <= each.labels.items()]

    def files(self, config_map: str) -> Mapping[str, str]:
        """The files of a ConfigMap; none where it is not there."""
        for each in self.kind("ConfigMap"):
            if text(each, "metadata", "name") == config_map:
                return labels(each, "data")
        return {}

    def mounted(self, workload: Workload, container: Container, path: str) -> Mapping[str, str]:
        """The files that a ConfigMap puts at a path of a container."""
        volume = container.mounts.get(path, "")
        return self.files(workload.source(volume, "configMap", "name"))

    @property
    def envoys(self) -> Iterator[tuple[Workload, Container, Mapping[str, str]]]:
        """Each container that runs Envoy, with the files of its configuration."""
        for workload in self.workloads:
            for container in workload.containers:
                if container.argv[:1] == ["envoy"]:
                    yield workload, container, self.mounted(workload, container, "/etc/envoy")


def listeners(config: str) -> Mapping[int, Node]:
    """The listeners of an envoy.yaml by port."""
    document = read(config)
    return {
        int(text(listener, "address", "socket_address", "port_value")): listener
        for listener in nodes(document, "static_resources", "listeners")
    }
