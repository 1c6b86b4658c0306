"""parley.yaml, envoy.yaml and the command lines of a pod: whether they speak of the same sockets, ports and workers."""

from collections.abc import Iterator
from pathlib import Path

import click

from gateway.process import command
from gateway.render import ADMIN_SOCKET
from k8s.document import Node, nodes, read, text, walk
from k8s.workload import Built, Container, Workload, listeners
from service.cli import serve
from service.config import Config, ConfigError
from service.config.load import parse as parse_config

_CONFIG_DIR = "/etc/parley"
_ENVOY_CONFIG = Path("/etc/envoy/envoy.yaml")
_RELOADED = "parley-config"


def parley_yaml_is_good(built: Built) -> Iterator[str]:
    """What `parley check` says of it, but for secrets, which only the cluster has."""
    for _, container, file in _services(built):
        try:
            parse_config(file)
        except ConfigError as error:
            yield f"{container.name}: {error}"


def ports_are_those_of_parley_yaml(built: Built) -> Iterator[str]:
    """Envoy listens where parley.yaml says that callers come, and metrics are served on the port of that name."""
    for workload, container, file in _services(built):
        settings = _parsed(file)
        if settings is None:
            continue
        edge = workload.ports.get("edge")
        if settings.listen.is_loopback or settings.listen.port != edge:
            yield f"{container.name}: parley.yaml listens on {settings.listen}, the pod's port edge is {edge}"
        metrics = settings.metrics
        if metrics is None or metrics.listen.is_loopback or metrics.listen.port != container.ports.get("metrics"):
            where = metrics.listen if metrics else "nowhere"
            yield f"{container.name}: metrics are served on {where}, and not on the port metrics"


def the_service_understands_its_words(built: Built) -> Iterator[str]:
    """The command line is one that `parley serve` takes."""
    for _, container, _ in _services(built):
        try:
            serve.command.make_context("parley serve", container.argv[2:]).close()
        except click.UsageError as error:
            yield f"{container.name}: {error.format_message()}"


def secrets_are_mounted(built: Built) -> Iterator[str]:
    """A secret that parley.yaml names is a file of a volume, which is read anew when it changes."""
    for _, container, file in _services(built):
        settings = _parsed(file)
        if settings is None:
            continue
        places = [
            *settings.vendors.items(),
            *((name, each) for model in settings.models.values() for name, each in model.deployments.items()),
        ]
        for name, place in places:
            key = place.api_key
            if key is not None and (key.file is None or str(key.file.parent) not in container.mounts):
                yield f"{container.name}: the key of {name} is no file of a mounted Secret"


def workers_are_those_of_envoy(built: Built) -> Iterator[str]:
    """As many sockets, in the directory that both containers share, by the names that workers give them."""
    for workload, container, files in built.envoys:
        service = next((each for each in workload.containers if each.argv[:2] == ["parley", "serve"]), None)
        document = read(files.get("envoy.yaml", "{}"))
        directory = Path(text(document, "admin", "address", "pipe", "path")).parent
        if text(document, "admin", "address", "pipe", "path") != str(directory / ADMIN_SOCKET):
            yield f"{container.name}: the admin socket is not {ADMIN_SOCKET}"
        if str(directory) not in container.mounts:
            yield f"{container.name}: {directory} is no volume"
        if service is None:
            continue
        if service.option("--runtime-dir") != str(directory):
            yield f"{service.name}: its runtime directory is not {directory}"
        if service.mounts.get(str(directory)) != container.mounts.get(str(directory)):
            yield f"{service.name}: {directory} is not the volume that Envoy has there"
        expected = {str(directory / f"worker-{index}.sock") for index in range(int(service.option("--workers") or 0))}
        for name in ("workers", "workers_by_key"):
            if _sockets(document, name) != expected:
                yield f"{container.name}: the sockets of cluster {name} are not those of {len(expected)} workers"


def envoys_are_run_as_parley_up_does(built: Built) -> Iterator[str]:
    """The same options as on one machine, and a configuration that is there."""
    for _, container, files in built.envoys:
        concurrency = container.option("--concurrency")
        expected = command(_ENVOY_CONFIG, concurrency=int(concurrency or 1))[1:]
        if container.argv[1:] != expected:
            yield f"{container.name}: Envoy is run with {' '.join(container.argv[1:])}, expected {' '.join(expected)}"
        if _ENVOY_CONFIG.name not in files:
            yield f"{container.name}: no ConfigMap puts {_ENVOY_CONFIG} there"


def watched_files_are_there(built: Built) -> Iterator[str]:
    """The files that envoy.yaml names are in its ConfigMap, and the certificates' directories are Secrets."""
    for workload, container, files in built.envoys:
        for each in walk(read(files.get("envoy.yaml", "{}"))):
            named = text(each, "path_config_source", "path")
            if named and named.removeprefix("/etc/envoy/") not in files:
                yield f"{container.name}: there is no {named}"
        for file in files.values():
            for each in walk(read(file)):
                directory = text(each, "watched_directory", "path")
                secret = workload.source(container.mounts.get(directory, ""), "secret", "secretName")
                if directory and not secret:
                    yield f"{container.name}: {directory} is no mounted Secret"


def only_what_is_reloaded_keeps_its_name(built: Built) -> Iterator[str]:
    """parley.yaml is watched, so a new one must not roll the pods; envoy.yaml is not, so a new one must."""
    for workload in built.workloads:
        for volume in nodes(workload.pod, "volumes"):
            name = text(volume, "configMap", "name")
            hashed = name.rpartition("-")[2]
            if (
                name
                and name != _RELOADED
                and not (len(hashed) == 10 and any(character.isdigit() for character in hashed))
            ):
                yield f"{workload.name}: ConfigMap {name} is read at the start only, and its name has no hash"
            if name.startswith(f"{_RELOADED}-"):
                yield f"{workload.name}: ConfigMap {name} is reloaded, and its name has a hash"
        for container in workload.containers:
            if any("subPath" in mount for mount in nodes(container.spec, "volumeMounts")):
                yield f"{container.name}: what is mounted by subPath is never updated"


def _services(built: Built) -> Iterator[tuple[Workload, Container, str]]:
    """Each container that runs `parley serve`, with its parley.yaml."""
    for workload in built.workloads:
        for container in workload.containers:
            if container.argv[:2] == ["parley", "serve"]:
                name = Path(container.option("--config"))
                directory = str(name.parent) if str(name.parent) in container.mounts else _CONFIG_DIR
                yield workload, container, built.mounted(workload, container, directory).get(name.name, "")


def _parsed(file: str) -> Config | None:
    try:
        return parse_config(file)
    except ConfigError:
        return None


def _sockets(document: Node, cluster: str) -> set[str]:
    return {
        text(endpoint, "endpoint", "address", "pipe", "path")
        for each in nodes(document, "static_resources", "clusters")
        if text(each, "name") == cluster
        for endpoint in nodes(each, "load_assignment", "endpoints", 0, "lb_endpoints")
    }


def ports_are_told_apart(built: Built) -> Iterator[str]:
    """No two containers of a pod have a port or its name in common."""
    for workload in built.workloads:
        seen: set[object] = set()
        for container in workload.containers:
            for name, port in container.ports.items():
                if {name, port} & seen:
                    yield f"{container.name}: port {name} ({port}) is another container's, too"
                seen |= {name, port}


def callers_come_by_one_port(built: Built) -> Iterator[str]:
    """The listener for callers is Envoy's first, on the port of that name."""
    for _, container, files in built.envoys:
        document = read(files.get("envoy.yaml", "{}"))
        first = text(document, "static_resources", "listeners", 0, "address", "socket_address", "port_value")
        if first != str(container.ports.get("edge")) or int(first or 0) not in listeners(files.get("envoy.yaml", "{}")):
            yield f"{container.name}: Envoy takes callers on {first}, the port edge is {container.ports.get('edge')}"


RULES = (
    parley_yaml_is_good,
    ports_are_those_of_parley_yaml,
    the_service_understands_its_words,
    secrets_are_mounted,
    workers_are_those_of_envoy,
    envoys_are_run_as_parley_up_does,
    watched_files_are_there,
    only_what_is_reloaded_keeps_its_name,
    ports_are_told_apart,
    callers_come_by_one_port,
)
