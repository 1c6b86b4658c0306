"""Requests to another Parley, so that one at the edge can stand before others in their regions.

The contract is ours: protos/parley/chat/v1/chat_service.proto.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from parley.chat.v1.completion_pb2 import Completion, CompletionChunk, CompletionRequest

from service.backends.dialect import Decoder, HttpCall, Target
from service.backends.fields import Families, Fields
from service.backends.grpc_answer import MessageDecoder
from service.backends.grpc_frames import Metadata
from service.backends.grpc_status import read_status
from service.backends.parley.error import error_of
from service.backends.parley.fields import PARLEY
from service.backends.parley.whole import as_chunk
from service.errors import ApiError

_STREAMED = "/parley.chat.v1.ChatService/StreamCompletion"
_WHOLE = "/parley.chat.v1.ChatService/CreateCompletion"


def _unheard(metadata: Metadata) -> None:
    """Nobody wants to know."""


@dataclass(frozen=True, slots=True)
class ParleyDialect:
    """The service's own contract."""

    fields: Fields = field(default_factory=lambda: PARLEY)
    """What becomes of each field of a request."""
    families: Families = ()
    """Models that treat some fields in another way."""
    needs_image_bytes: bool = False
    """It fetches them where its own vendor needs that."""
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])
    """What the caller's own metadata say that is as much for it as for us."""
    note: Callable[[Metadata], None] = _unheard
    """Hears the metadata of the answer."""

    def relaying(self, metadata: Mapping[str, str], note: Callable[[Metadata], None]) -> "ParleyDialect":
        """The dialect for one request: it sends these metadata too, and tells those of the answer."""
        return replace(self, metadata=metadata, note=note)

    def encode(self, request: CompletionRequest, target: Target, *, stream: bool) -> HttpCall:
        """The request under the name that the other knows the model by."""
        message = CompletionRequest()
        message.CopyFrom(request)
        message.model = target.model
        # The call's own deadline says it, and says how much of it is left.
        message.ClearField("inference_timeout")
        if stream:
            # Usage is always wanted, for the account; the pipeline takes it out where the caller did not ask.
            message.stream_options.include_usage = True
        headers = {**target.headers, **self.metadata}
        return HttpCall(_STREAMED if stream else _WHOLE, headers, message.SerializeToString())

    def decoder(self, request: CompletionRequest, target: Target, *, stream: bool, content_type: str) -> Decoder:
        """A decoder of chunks, or of one completion."""
        vendor = target.vendor

        def whole(message: bytes) -> CompletionChunk:
            return as_chunk(Completion.FromString(message), vendor)

        read = CompletionChunk.FromString if stream else whole
        return MessageDecoder(vendor, read, lambda told: error_of(vendor, 0, told), note=self.note, detailed=True)

    def error(self, target: Target, status: int, headers: Mapping[str, str], body: bytes) -> ApiError:
        """What a call that ended before its first message means; the headers are its trailing metadata."""
        return error_of(target.vendor, status, read_status(headers))
