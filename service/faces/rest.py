"""Chat completions for callers that speak JSON over HTTP; Envoy carries the bytes, every one of them is made here."""

from contextlib import aclosing
from dataclasses import dataclass

from google.api.httpbody_pb2 import HttpBody
from grpc.aio import ServicerContext
from parley.chat.v1.completion_pb2 import Completion, CompletionChunk, CompletionRequest
from parley.chat.v1.rest_service_pb2_grpc import RestServiceServicer

from service.backends.run import Piece, Run, Writer
from service.codec import DecodeError, decoder, encoder, parse_object
from service.errors import ApiError, Kind
from service.faces import failure
from service.faces.admission import Admission
from service.faces.event_stream import EventStream, framing_of
from service.faces.merging import merging_of
from service.faces.metadata import CallMetadata, admit, read_metadata
from service.faces.serving import Current, Serving
from service.pipeline import RequestContext

_JSON = "application/json"


_decode_request = decoder(CompletionRequest)
_encode_completion = encoder(Completion, nulls=True)
_encode_chunk = encoder(CompletionChunk, nulls=True)


@dataclass(frozen=True, slots=True)
class RestFace(RestServiceServicer):
    """Serves parley.chat.v1.RestService."""

    current: Current

    async def ChatCompletions(  # type: ignore[override]  # noqa: N802  # written to, not iterated: a message costs less so
        self, request: HttpBody, context: ServicerContext[HttpBody, HttpBody]
    ) -> None:
        """Answers one chat-completion request."""
        serving = self.current()
        metadata = read_metadata(context)
        try:
            with Admission(serving.pipeline.accounting, metadata.request_id, "rest") as admission:
                admitted = admission.context = admit(context, metadata, serving.keyring, face="rest")
                message, stream = _read(request.data)
            if stream:
                await _stream(message, admitted, context, serving, metadata)
            else:
                completion = await serving.pipeline.complete(message, admitted)
                if extra := admitted.report.headers():
                    await context.send_initial_metadata(extra)
                await context.write(HttpBody(content_type=_JSON, data=_encode_completion(completion)))
        except Exception as error:  # noqa: BLE001  # a bug, too, is told in the API's form
            told = failure.told(error, metadata.request_id)
            await context.send_initial_metadata(failure.headers(told, metadata.request_id))
            await context.write(HttpBody(content_type=_JSON, data=failure.body_bytes(told)))


async def _stream(
    message: CompletionRequest,
    admitted: RequestContext,
    context: ServicerContext[HttpBody, HttpBody],
    serving: Serving,
    metadata: CallMetadata,
) -> None:
    """Writes the answer's events. Raises what happens before the first of them; tells the rest by an event."""
    framing = framing_of(metadata.path)
    merge = merging_of(metadata)
    write = _event_with_usage if message.stream_options.include_usage else _event
    with EventStream(context, admitted.report, serving.keep_alive) as events:
        try:
            async with aclosing(serving.pipeline.stream(message, admitted)) as batches:
                async for batch in batches:
                    await events.write(_events(merge(batch), write))
        except Exception as error:
            if not events.begun:
                raise
            told = failure.told(error, admitted.request_id)
            await events.write(framing.error + failure.body_bytes(told) + b"\n\n")
            return
        if admitted.report.disobeyed:
            # Headers are out: a comment, which clients skip, is what is left.
            await events.write(f": x-parley-disobeyed: {admitted.report.disobeyed}\n\n".encode())
        await events.write(framing.done)


def _events(batch: list[Piece], write: Writer) -> bytes:
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
