"""Puts what only a machine knows into envoy.yaml: addresses, sockets, paths. As values: the file itself stays valid."""

import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol, cast

import yaml

from gateway.cors import add_cors
from gateway.tracing import EdgeTracing, add_tracing

CONFIG = "envoy.yaml"
ADMIN_SOCKET = "envoy-admin.sock"
DESCRIPTOR_SET = Path(__file__).parent / "parley.binpb"
"""The committed descriptor set of the contract, with imports and source comments. Written by gateway.descriptor."""

CLUSTERS = ("workers", "workers_by_key")
"""The workers, by the ways in which one of them is chosen."""

_SOCKET_PATH_MAX = 107
"""Bytes of sockaddr_un.sun_path on Linux, without the closing NUL."""


class Address(Protocol):
    """Where Envoy listens: a host name or IP address, and a TCP port."""

    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int: ...


def worker_socket(runtime_dir: Path, index: int) -> Path:
    """The unix socket on which the worker of this index, from 0, serves gRPC."""
    return runtime_dir / f"worker-{index}.sock"


def source() -> Path:
    """The envoy.yaml to render: the repository's, or the one that was installed under PREFIX/share/parley.

    Raises FileNotFoundError where there is neither.
    """
    candidates = (
        Path(__file__).parent.parent / CONFIG,
        Path(sysconfig.get_path("data")) / "share" / "parley" / CONFIG,
    )
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    raise FileNotFoundError(f"{CONFIG} is in none of: " + ", ".join(map(str, candidates)))


def render(
    *,
    listen: Address,
    runtime_dir: Path,
    workers: int,
    template: Path | None = None,
    tracing: EdgeTracing | None = None,
    cors: Sequence[str] = (),
) -> Path:
    """Writes RUNTIME_DIR/envoy.yaml and returns its path. The parameters are those of `rendered`."""
    text = rendered(
        listen=listen, runtime_dir=runtime_dir, workers=workers, template=template, tracing=tracing, cors=cors
    )
    path = runtime_dir / CONFIG
    path.write_text(text, encoding="utf-8")
    return path


def rendered(
    *,
    listen: Address,
    runtime_dir: Path,
    workers: int,
    template: Path | None = None,
    tracing: EdgeTracing | None = None,
    cors: Sequence[str] = (),
    descriptor_set: Path = DESCRIPTOR_SET,
) -> str:
    """The envoy.yaml of an instance.

    :param runtime_dir: directory of the sockets; short, because a unix socket's path has at most 107 bytes.
    :param workers: number of workers, at least 1.
    :param template: the envoy.yaml to start from. Default: `source()`.
    :param tracing: where Envoy's own spans go. Default: it makes none.
    :param cors: origins of the pages that may read its answers. Default: none, and then nothing is asked about them.
    :param descriptor_set: where Envoy finds the contract's descriptor set.
    :raises ValueError: a socket's path is too long, there are no workers, or the template is not Parley's envoy.yaml.
    """
    if workers < 1:
        raise ValueError(f"expected at least one worker, got {workers}")
    sockets = [worker_socket(runtime_dir, index).absolute() for index in range(workers)]
    admin = (runtime_dir / ADMIN_SOCKET).absolute()
    longest = max((*sockets, admin), key=lambda path: len(bytes(path)))
    if len(bytes(longest)) > _SOCKET_PATH_MAX:
        raise ValueError(f"{longest} is longer than the {_SOCKET_PATH_MAX} bytes of a unix socket's path")

    path = template or source()
    document: object = yaml.safe_load(path.read_text(encoding="utf-8"))
    try:
        _put(document, ("admin", "address", "pipe", "path"), str(admin))
        static = ("static_resources",)
        socket_address = (*static, "listeners", "edge", "address", "socket_address")
        _put(document, (*socket_address, "address"), listen.host)
        _put(document, (*socket_address, "port_value"), listen.port)
        manager = (*static, "listeners", "edge", "filter_chains", 0, "filters", 0, "typed_config")
        transcoder = (*manager, "http_filters", "envoy.filters.http.grpc_json_transcoder", "typed_config")
        _put(document, (*transcoder, "proto_descriptor"), str(descriptor_set.absolute()))
        endpoints = [{"endpoint": {"address": {"pipe": {"path": str(socket)}}}} for socket in sockets]
        for cluster in CLUSTERS:
            _put(document, (*static, "clusters", cluster, "load_assignment", "endpoints", 0, "lb_endpoints"), endpoints)
        if cors:
            add_cors(cast("dict[str, object]", _at(document, manager)), cors)
        if tracing is not None:
            hub, clusters = _at(document, manager), _at(document, (*static, "clusters"))
            add_tracing(cast("dict[str, object]", hub), cast("list[object]", clusters), tracing)
    except LookupError as error:
        raise ValueError(f"{path} is not Parley's {CONFIG}: it has no {error.args[0]}") from error

    return yaml.safe_dump(document, sort_keys=False)


def _put(document: object, path: Sequence[str | int], value: object) -> None:
    """Replaces an existing value. In a list a string picks the element of that name, a number the one at that place."""
    parent = _at(document, path[:-1])
    key = _key(parent, path[-1])
    if key is None:
        raise LookupError(".".join(map(str, path)))
    cast("dict[str | int, object]", parent)[key] = value


def _at(document: object, path: Sequence[str | int]) -> object:
    """The value at a path."""
    for depth, step in enumerate(path):
        key = _key(document, step)
        if key is None:
            raise LookupError(".".join(map(str, path[: depth + 1])))
        document = cast("dict[str | int, object]", document)[key]
    return document


def _key(parent: object, step: str | int) -> str | int | None:
    """The key or index in `parent` that `step` means; None where there is none."""
    if isinstance(parent, Mapping):
        return step if step in parent else None
    if not isinstance(parent, list):
        return None
    elements = cast("list[object]", parent)
    if isinstance(step, int):
        return step if step < len(elements) else None
    for index, element in enumerate(elements):
        if isinstance(element, Mapping) and cast("Mapping[str, object]", element).get("name") == step:
            return index
    return None
