"""Chat completions for callers that speak JSON over HTTP; Envoy carries the bytes, every one of them is made here."""

from contextlib import aclosing
from dataclasses import dataclass, field

import grpc.aio
from google.api.httpbody_pb2 import HttpBody
from grpc.aio import ServicerContext
from parley.chat.v1.completion_pb2 import Completion, CompletionChunk, CompletionRequest
from parley.chat.v1.rest_service_pb2 import DESCRIPTOR

from service.backends.run import Last, Piece, Run, Writer
from service.codec import DecodeError, decoder, encoder, parse_object
from service.errors import ApiError, Kind
from service.faces import failure, http_body
from service.faces.admission import Admission
from service.faces.bodies import LARGE, Bodies
from service.faces.event_stream import EventStream, framing_of
from service.faces.merging import merging_of
from service.faces.metadata import CallMetadata, admit, read_metadata
from service.faces.serving import Current, Serving
from service.pipeline import RequestContext

_METHOD = DESCRIPTOR.services_by_name["RestService"].methods_by_name["ChatCompletions"]

_json = http_body.writer("application/json")
_decode_request = decoder(CompletionRequest)
_encode_completion = encoder(Completion, nulls=True)
_encode_chunk = encoder(CompletionChunk, nulls=True)


@dataclass(frozen=True, slots=True)
class RestFace:
    """Serves parley.chat.v1.RestService."""

    current: Current
    bodies: Bodies = field(default_factory=Bodies)

    def register(self, server: grpc.aio.Server) -> None:
        """Makes a server answer by this face.

        For gRPC it is a method with one answer, although the contract's is a stream: on the wire both are the same, and
        only so the last message goes out together with the status, in one operation instead of two.
        """
        method = grpc.unary_unary_rpc_method_handler(
            self.answer, request_deserializer=HttpBody.FromString, response_serializer=bytes
        )
        methods = {_METHOD.name: method}
        service = _METHOD.containing_service.full_name
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, methods),))
        server.add_registered_method_handlers(service, methods)

    async def answer(self, request: HttpBody, context: ServicerContext[HttpBody, bytes]) -> bytes:
        """Answers one chat-completion request: writes the messages of the answer but for the last, and returns that.

        Messages are those of google.api.HttpBody, as bytes.
        """
        serving = self.current()
        metadata = read_metadata(context)
        held = 0
        try:
            with Admission(serving.pipeline.accounting, metadata.request_id, "rest") as admission:
                admitted = admission.context = admit(context, metadata, serving.keyring, face="rest")
                if len(request.data) >= LARGE:
                    held = await self.bodies.take(len(request.data))
                message, stream = _read(request.data)
            if stream:
                return await _stream(message, admitted, context, serving, metadata)
            completion = await serving.pipeline.complete(message, admitted)
            if extra := admitted.report.headers():
                await context.send_initial_metadata(extra)
            return _json(_encode_completion(completion))
        except Exception as error:  # noqa: BLE001  # a bug, too, is told in the API's form
            told = failure.told(error, metadata.request_id)
            await context.send_initial_metadata(failure.headers(told, metadata.request_id))
            return _json(failure.body_bytes(told))
        finally:
            if held:
                self.bodies.give(held)


async def _stream(
    message: CompletionRequest,
    admitted: RequestContext,
    context: ServicerContext[HttpBody, bytes],
    serving: Serving,
    metadata: CallMetadata,
) -> bytes:
    """Writes the events but for the last. Raises what happens before the first of them; tells the rest by an event."""
    framing = framing_of(metadata.path)
    merge = merging_of(metadata)
    write = _event_with_usage if message.stream_options.include_usage else _event
    end = b""
    with EventStream(context, admitted.report, serving.keep_alive) as events:
        try:
            async with aclosing(serving.pipeline.stream(message, admitted)) as batches:
                async for batch in batches:
                    data = _events(batch if merge is None else merge(batch), write)
                    if isinstance(batch, Last):
                        # With what ends the stream: each message costs more than all that is in it.
                        end += data
                    else:
                        await events.write(data)
        except Exception as error:
            if not events.begun and not end:
                raise
            told = failure.told(error, admitted.request_id)
            return await events.last(end + framing.error + failure.body_bytes(told) + b"\n\n")
        if admitted.report.disobeyed:
            # Headers may be out: a comment, which clients skip, is what is left.
            end += f": x-parley-disobeyed: {admitted.report.disobeyed}\n\n".encode()
        return await events.last(end + framing.done)


def _events(batch: list[Piece], write: Writer) -> bytes:
    if len(batch) == 1:
        # As nearly all are of a stream that comes slowly.
        piece = batch[0]
        return piece.write(write) if isinstance(piece, Run) else write(piece)
    return b"".join([piece.write(write) if isinstance(piece, Run) else write(piece) for piece in batch])


def _event(chunk: CompletionChunk) -> bytes:
    return b"data: " + _encode_chunk(chunk) + b"\n\n"


def _event_with_usage(chunk: CompletionChunk) -> bytes:
    """OpenAI's streams name usage on every chunk where the request asked for it."""
    if chunk.HasField("usage"):
        return _event(chunk)
    return b"data: " + _encode_chunk(chunk)[:-1] + b',"usage":null}\n\n'


def _read(data: bytes) -> tuple[CompletionRequest, bool]:
    """The request, and whether it asks for a stream."""
    try:
        body = parse_object(data)
        stream = body.pop("stream", None)
        if stream is not None and not isinstance(stream, bool):
            raise DecodeError("stream", "expected true or false")
        return _decode_request(body), bool(stream)
    except DecodeError as error:
        kind = Kind.INVALID_VALUE if error.path else Kind.INVALID_JSON
        raise ApiError(kind, str(error), param=error.path or None) from None
