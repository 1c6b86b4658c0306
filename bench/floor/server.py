"""The floors' gRPC server: grpc.aio on uvloop, doing nothing but carrying requests to the vendor and answers back.

`python -m bench.floor.server --listen unix:PATH --vendor PORT`
"""

from __future__ import annotations

import argparse

import grpc.aio
import uvloop
from google.api.httpbody_pb2 import HttpBody

from bench.floor import conversion, floor_pb2
from bench.floor.upstream import Upstream


class Floor:
    """The four methods."""

    __slots__ = ("_upstream",)

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream

    async def create(
        self,
        request: floor_pb2.ChatRequest,
        context: grpc.aio.ServicerContext[floor_pb2.ChatRequest, floor_pb2.Completion],
    ) -> floor_pb2.Completion:
        """Floor T, unary."""
        return conversion.completion(await self._upstream.unary(conversion.request_json(request, stream=False)))

    async def stream(
        self, request: floor_pb2.ChatRequest, context: grpc.aio.ServicerContext[floor_pb2.ChatRequest, floor_pb2.Chunk]
    ) -> None:
        """Floor T, streamed: a message for each event."""
        rest = b""
        async for data in self._upstream.stream(conversion.request_json(request, stream=True)):
            found, rest = conversion.events(rest + data if rest else data)
            for event in found:
                await context.write(conversion.chunk(event))

    async def raw_create(
        self, request: floor_pb2.RawRequest, context: grpc.aio.ServicerContext[floor_pb2.RawRequest, HttpBody]
    ) -> HttpBody:
        """Floor R, unary."""
        return HttpBody(content_type="application/json", data=await self._upstream.unary(request.body.data))

    async def raw_stream(
        self, request: floor_pb2.RawRequest, context: grpc.aio.ServicerContext[floor_pb2.RawRequest, HttpBody]
    ) -> None:
        """Floor R, streamed: a message for each read of the vendor's socket."""
        async for data in self._upstream.stream(request.body.data):
            await context.write(HttpBody(content_type="text/event-stream", data=data))


async def serve(listen: str, vendor_port: int) -> None:
    """Serve until the process is stopped."""
    floor = Floor(Upstream(vendor_port))
    server = grpc.aio.server(options=(("grpc.max_concurrent_streams", 10_000),))
    unary, streamed = grpc.unary_unary_rpc_method_handler, grpc.unary_stream_rpc_method_handler
    typed, raw = floor_pb2.ChatRequest.FromString, floor_pb2.RawRequest.FromString
    handlers = {
        "Create": unary(floor.create, typed, floor_pb2.Completion.SerializeToString),
        "Stream": streamed(floor.stream, typed, floor_pb2.Chunk.SerializeToString),
        "RawCreate": unary(floor.raw_create, raw, HttpBody.SerializeToString),
        "RawStream": streamed(floor.raw_stream, raw, HttpBody.SerializeToString),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("bench.floor.Floor", handlers),))
    server.add_insecure_port(listen)
    await server.start()
    await server.wait_for_termination()


def main() -> None:
    """Serve as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listen", required=True, help="as gRPC names addresses")
    parser.add_argument("--vendor", type=int, required=True, help="the vendor's port")
    arguments = parser.parse_args()
    uvloop.run(serve(arguments.listen, arguments.vendor))


if __name__ == "__main__":
    main()
