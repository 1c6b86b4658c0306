"""Reflection answers by both of its names, and tells of itself by both."""

import grpc.aio
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest, ServerReflectionResponse
from parley.chat.v1 import chat_service_pb2

from service.reflection import serve_reflection

CHAT = chat_service_pb2.DESCRIPTOR.services_by_name["ChatService"].full_name
NAMES = ["grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"]


@pytest.mark.parametrize("name", NAMES)
async def test_each_service_is_listed_and_described(name: str) -> None:
    server = grpc.aio.server()
    serve_reflection([CHAT], server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    asked = [ServerReflectionRequest(list_services="")]
    asked += [ServerReflectionRequest(file_containing_symbol=symbol) for symbol in (CHAT, *NAMES)]
    asked += [ServerReflectionRequest(file_containing_symbol="parley.chat.v1.Nothing")]
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        reflect = channel.stream_stream(
            f"/{name}/ServerReflectionInfo",
            request_serializer=ServerReflectionRequest.SerializeToString,
            response_deserializer=ServerReflectionResponse.FromString,
        )
        listed, *described, unknown = [answer async for answer in reflect(iter(asked))]
    await server.stop(None)
    assert {service.name for service in listed.list_services_response.service} == {CHAT, *NAMES}
    for symbol, answer in zip((CHAT, *NAMES), described, strict=True):
        files = [FileDescriptorProto.FromString(each) for each in answer.file_descriptor_response.file_descriptor_proto]
        assert symbol in {f"{file.package}.{service.name}" for file in files for service in file.service}
    assert unknown.error_response.error_code == grpc.StatusCode.NOT_FOUND.value[0]
