"""Server reflection under both of its names: v1, and v1alpha, which is the same but for the name.

Source: https://github.com/grpc/grpc-proto/blob/master/grpc/reflection/v1/reflection.proto.
"""

from collections.abc import Iterable

import grpc.aio
from google.protobuf import descriptor_pool, text_format
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_reflection.v1alpha import reflection
from grpc_reflection.v1alpha.reflection_pb2 import DESCRIPTOR, ServerReflectionRequest, ServerReflectionResponse

V1 = "grpc.reflection.v1.ServerReflection"
"""Full name of the service, which grpcio's package has only by the older one."""


def serve_reflection(services: Iterable[str], server: grpc.aio.Server) -> None:
    """Has the server tell of these services, which are in the default pool, and of reflection itself."""
    descriptor_pool.Default().AddSerializedFile(_v1().SerializeToString())
    names = (V1, reflection.SERVICE_NAME)
    servicer = reflection.aio.ReflectionServicer((*services, *names))
    methods = {
        "ServerReflectionInfo": grpc.stream_stream_rpc_method_handler(
            servicer.ServerReflectionInfo,  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
            request_deserializer=ServerReflectionRequest.FromString,
            response_serializer=ServerReflectionResponse.SerializeToString,
        )
    }
    for name in names:
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, methods),))
        server.add_registered_method_handlers(name, methods)


def _v1() -> FileDescriptorProto:
    alpha = FileDescriptorProto()
    DESCRIPTOR.CopyToProto(alpha)
    return text_format.Parse(str(alpha).replace("v1alpha", "v1"), FileDescriptorProto())
