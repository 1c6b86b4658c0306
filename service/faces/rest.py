"""Chat completions for callers that speak JSON over HTTP; Envoy carries the bytes, every one of them is made here."""

from collections.abc import AsyncGenerator, AsyncIterator
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
from service.faces.metadata import admit, read_metadata
from service.pipeline import Pipeline, RequestContext

_JSON = "application/json"
_EVENTS = "text/event-stream; charset=utf-8"


@dataclass(frozen=True, slots=True)
class _Framing:
    """How a family of clients wants to be told that a stream is over."""

    done: bytes
    error: bytes
    """What stands before the JSON of an error."""


_PLAIN = _Framing(b"data: [DONE]\n\n", b"data: ")
_NAMED_DONE = b"event: done\ndata: [DONE]\n\n"
_FRAMINGS = {
    # These clients parse the data of every event without a name as JSON, and skip names that they do not know.
    "/v4/beta/chat/completions": _Framing(_NAMED_DONE, b"event: error\ndata: "),
    # These do the same, and would skip an error that had a name, so that a broken stream looked complete.
    "/v5/chat/completions": _Framing(_NAMED_DONE, b"data: "),
}
"""By path; all others want what OpenAI sends."""

_decode_request = decoder(CompletionRequest)
_encode_completion = encoder(Completion, nulls=True)
_encode_chunk = encoder(CompletionChunk, nulls=True)


@dataclass(frozen=True, slots=True)
class RestFace(RestServiceServicer):
    """Serves parley.chat.v1.RestService."""

    pipeline: Pipeline
    keyring: Keyring

    async def ChatCompletions(  # noqa: N802  # the contract's name
        self, request: HttpBody, context: ServicerContext[HttpBody, AsyncIterator[HttpBody]]
    ) -> AsyncIterator[HttpBody]:
        """Answers one chat-completion request."""
        metadata = read_metadata(context)
        framing = _FRAMINGS.get(metadata.path, _PLAIN)
        streaming = False
        try:
            admitted = admit(context, metadata, self.keyring, face="rest")
            message, stream = _read(request.data)
            if not stream:
                completion = await self.pipeline.complete(message, admitted)
                if extra := admitted.report.headers():
                    await context.send_initial_metadata(extra)
                yield HttpBody(content_type=_JSON, data=_encode_completion(completion))
                return
            async with aclosing(self._events(message, admitted)) as events:
                async for data in events:
                    if not streaming:
                        if extra := admitted.report.headers():
                            await context.send_initial_metadata(extra)
                        streaming = True
                    yield HttpBody(content_type=_EVENTS, data=data)
            if admitted.report.disobeyed:
                # Headers are out: a comment, which clients skip, is what is left.
                comment = f": x-parley-disobeyed: {admitted.report.disobeyed}\n\n"
                yield HttpBody(content_type=_EVENTS, data=comment.encode())
            yield HttpBody(content_type=_EVENTS, data=framing.done)
        except Exception as error:  # noqa: BLE001  # a bug, too, is told in the API's form
            told = failure.told(error, metadata.request_id)
            body = failure.body_bytes(told)
            if streaming:
                yield HttpBody(content_type=_EVENTS, data=framing.error + body + b"\n\n")
            else:
                await context.send_initial_metadata(failure.headers(told, metadata.request_id))
                yield HttpBody(content_type=_JSON, data=body)

    async def _events(self, message: CompletionRequest, admitted: RequestContext) -> AsyncGenerator[bytes, None]:
        usage = message.stream_options.include_usage
        async with aclosing(self.pipeline.stream(message, admitted)) as batches:
            async for batch in batches:
                yield b"".join([_event(chunk, usage=usage) for chunk in batch])


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
