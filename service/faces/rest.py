"""Chat completions for callers that speak JSON over HTTP; Envoy carries the bytes, every one of them is made here."""

from contextlib import aclosing
from dataclasses import dataclass

from google.api.httpbody_pb2 import HttpBody
from grpc.aio import ServicerContext
from parley.chat.v1.completion_pb2 import Completion, CompletionChunk, CompletionRequest
from parley.chat.v1.rest_service_pb2_grpc import RestServiceServicer

from service.auth import Keyring
from service.codec import DecodeError, decoder, encoder, parse_object
from service.errors import ApiError, Kind
from service.faces import failure
from service.faces.event_stream import EventStream, Framing, framing_of
from service.faces.metadata import admit, read_metadata
from service.pipeline import Pipeline, RequestContext

_JSON = "application/json"


_decode_request = decoder(CompletionRequest)
_encode_completion = encoder(Completion, nulls=True)
_encode_chunk = encoder(CompletionChunk, nulls=True)


@dataclass(frozen=True, slots=True)
class RestFace(RestServiceServicer):
    """Serves parley.chat.v1.RestService."""

    pipeline: Pipeline
    keyring: Keyring
    keep_alive: float = 15.0
    """Seconds of silence after which a stream gets a comment."""

    async def ChatCompletions(  # type: ignore[override]  # noqa: N802  # written to, not iterated: a message costs less so
        self, request: HttpBody, context: ServicerContext[HttpBody, HttpBody]
    ) -> None:
        """Answers one chat-completion request."""
        metadata = read_metadata(context)
        try:
            admitted = admit(context, metadata, self.keyring, face="rest")
            message, stream = _read(request.data)
            if stream:
                await self._stream(message, admitted, context, framing_of(metadata.path))
            else:
                completion = await self.pipeline.complete(message, admitted)
                if extra := admitted.report.headers():
                    await context.send_initial_metadata(extra)
                await context.write(HttpBody(content_type=_JSON, data=_encode_completion(completion)))
        except Exception as error:  # noqa: BLE001  # a bug, too, is told in the API's form
            told = failure.told(error, metadata.request_id)
            await context.send_initial_metadata(failure.headers(told, metadata.request_id))
            await context.write(HttpBody(content_type=_JSON, data=failure.body_bytes(told)))

    async def _stream(
        self,
        message: CompletionRequest,
        admitted: RequestContext,
        context: ServicerContext[HttpBody, HttpBody],
        framing: Framing,
    ) -> None:
        """Writes the answer's events. Raises what happens before the first of them; tells the rest by an event."""
        usage = message.stream_options.include_usage
        with EventStream(context, admitted.report, self.keep_alive) as events:
            try:
                async with aclosing(self.pipeline.stream(message, admitted)) as batches:
                    async for batch in batches:
                        await events.write(b"".join([_event(chunk, usage=usage) for chunk in batch]))
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


def _event(chunk: CompletionChunk, *, usage: bool) -> bytes:
    data = _encode_chunk(chunk)
    if usage and not chunk.HasField("usage"):
        # OpenAI's streams name usage on every chunk where the request asked for it.
        data = data[:-1] + b',"usage":null}'
    return b"data: " + data + b"\n\n"


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
