"""The services and HTTP bindings of the contract, as the committed descriptor set has them."""

from dataclasses import dataclass

from google.api import annotations_pb2
from google.api.http_pb2 import HttpRule
from google.protobuf.descriptor_pb2 import FileDescriptorSet, MethodDescriptorProto

from gateway.render import DESCRIPTOR_SET


@dataclass(frozen=True, slots=True)
class Binding:
    """One HTTP method and path template of an RPC."""

    method: str
    path: str


def services() -> dict[str, list[MethodDescriptorProto]]:
    """The contract's own services by their full names."""
    files = FileDescriptorSet.FromString(DESCRIPTOR_SET.read_bytes()).file
    own = [file for file in files if file.package.startswith("parley.")]
    return {f"{file.package}.{service.name}": list(service.method) for file in own for service in file.service}


def bindings() -> list[Binding]:
    """Every HTTP binding of every method. A method without any is mapped to its gRPC path by auto_mapping."""
    return [
        binding
        for service, methods in services().items()
        for method in methods
        for binding in _declared(method) or [Binding("post", f"/{service}/{method.name}")]
    ]


def _declared(method: MethodDescriptorProto) -> list[Binding]:
    rule = HttpRule()
    rule.CopyFrom(method.options.Extensions[annotations_pb2.http])  # pyright: ignore[reportArgumentType, reportUnknownArgumentType]
    verbs = [(binding, binding.WhichOneof("pattern")) for binding in (rule, *rule.additional_bindings)]
    return [Binding(verb, str(getattr(binding, verb))) for binding, verb in verbs if verb]
