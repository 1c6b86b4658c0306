"""The errors that Envoy makes itself, read from envoy.yaml."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import yaml

_ENVOY = Path(__file__).parents[2] / "envoy.yaml"

Node = dict[str, "Node | list[Node] | str | int | None"]


@dataclass(frozen=True, slots=True)
class EdgeError:
    """One answer of the edge's own."""

    code: str
    http: int
    type: str
    message: str

    @property
    def grpc(self) -> str:
        """What a gRPC caller sees: https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md."""
        return _GRPC.get(self.http, "UNKNOWN")


_GRPC = {
    400: "INTERNAL",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "UNIMPLEMENTED",
    429: "UNAVAILABLE",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "UNAVAILABLE",
}


def edge_errors() -> tuple[EdgeError, ...]:
    """Every error of `local_reply_config`, in its order; the last is what matches nothing else."""
    (config,) = _named("local_reply_config", yaml.safe_load(_ENVOY.read_text()))
    found: list[EdgeError] = []
    for mapper in cast("list[Node]", config["mappers"]):
        for said in _named("error", mapper):
            status = mapper.get("status_code") or next(_named_numbers("default_value", mapper))
            found.append(_error(said, int(cast("int", status))))
    found += [_error(said, 500) for said in _named("error", cast("Node", config["body_format"]))]
    return tuple(found)


def _error(said: Node, http: int) -> EdgeError:
    return EdgeError(str(said["code"]), http, str(said["type"]), str(said["message"]))


def _named(name: str, node: object) -> Iterator[Node]:
    """Every object of this name below a node."""
    if isinstance(node, dict):
        for key, value in cast("Node", node).items():
            if key == name and isinstance(value, dict):
                yield value
            yield from _named(name, value)
    elif isinstance(node, list):
        for value in cast("list[object]", node):
            yield from _named(name, value)


def _named_numbers(name: str, node: object) -> Iterator[int]:
    if isinstance(node, dict):
        for key, value in cast("Node", node).items():
            if key == name and isinstance(value, int):
                yield value
            yield from _named_numbers(name, value)
    elif isinstance(node, list):
        for value in cast("list[object]", node):
            yield from _named_numbers(name, value)
