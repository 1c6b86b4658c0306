"""A receiver of OpenTelemetry's traces, over real gRPC, that keeps what it is sent."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import grpc.aio
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,  # type: ignore[reportUnknownVariableType]
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

LIMIT_S = 20.0

Value = str | int | float | bool | list[str]


@dataclass(frozen=True, slots=True)
class Seen:
    """One span."""

    span: Span
    service: str

    @property
    def trace_id(self) -> str:
        return self.span.trace_id.hex()

    @property
    def attributes(self) -> dict[str, Value]:
        return {each.key: _value(each.value) for each in self.span.attributes}


@dataclass(slots=True)
class Receiver(TraceServiceServicer):
    """What came."""

    port: int = 0
    spans: list[Seen] = field(default_factory=list[Seen])
    raw: list[bytes] = field(default_factory=list[bytes])
    came: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def of_request(self, request_id: str, number: int) -> list[Seen]:
        """The spans of one request, once there are so many."""

        def found() -> list[Seen]:
            return [seen for seen in self.spans if seen.attributes.get("parley.request_id") == request_id]

        async with asyncio.timeout(LIMIT_S), self.came:
            await self.came.wait_for(lambda: len(found()) >= number)
        return found()

    async def Export(  # type: ignore[override]  # noqa: N802  # the protocol's name
        self,
        request: ExportTraceServiceRequest,
        context: "grpc.aio.ServicerContext[ExportTraceServiceRequest, ExportTraceServiceResponse]",
    ) -> ExportTraceServiceResponse:
        async with self.came:
            self.raw.append(request.SerializeToString())
            for resource in request.resource_spans:
                names = [a.value.string_value for a in resource.resource.attributes if a.key == "service.name"]
                for scope in resource.scope_spans:
                    self.spans += [Seen(span, names[0]) for span in scope.spans]
            self.came.notify_all()
        return ExportTraceServiceResponse()


@asynccontextmanager
async def receiving() -> AsyncGenerator[Receiver]:
    """A receiver on a port of the kernel's choice."""
    receiver = Receiver()
    server = grpc.aio.server()
    add_TraceServiceServicer_to_server(receiver, server)
    receiver.port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield receiver
    finally:
        await server.stop(None)


def _value(value: AnyValue) -> Value:
    match value.WhichOneof("value"):
        case "array_value":
            return [each.string_value for each in value.array_value.values]
        case "int_value":
            return value.int_value
        case "double_value":
            return value.double_value
        case "bool_value":
            return value.bool_value
        case _:
            return value.string_value
