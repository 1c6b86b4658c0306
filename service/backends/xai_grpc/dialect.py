"""Requests to xAI's chat API over gRPC, which shows what its REST API does not: sealed reasoning, and images' detail.

Source: https://docs.x.ai/docs/grpc-reference.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from parley.chat.v1.completion_pb2 import CompletionRequest

from service.backends.dialect import Decoder, HttpCall, Target
from service.backends.fields import Families, Fields
from service.backends.grpc_answer import MessageDecoder
from service.backends.grpc_status import read_status
from service.backends.xai_grpc.answer import Answer
from service.backends.xai_grpc.error import error_of
from service.backends.xai_grpc.fields import FAMILIES, XAI
from service.backends.xai_grpc.request import request_of
from service.errors import ApiError

_STREAMED = "/xai_api.Chat/GetCompletionChunk"
_WHOLE = "/xai_api.Chat/GetCompletion"


@dataclass(frozen=True, slots=True)
class XaiDialect:
    """The one variety of it."""

    fields: Fields = field(default_factory=lambda: XAI)
    """What becomes of each field of a request."""
    families: Families = FAMILIES
    """Models that treat some fields in another way."""
    needs_image_bytes: bool = False
    """xAI fetches images itself."""

    def encode(self, request: CompletionRequest, target: Target, *, stream: bool) -> HttpCall:
        """The request as xAI's message."""
        headers = {**target.headers, **request.inference_extra_headers}
        return HttpCall(_STREAMED if stream else _WHOLE, headers, request_of(request, target).SerializeToString())

    def decoder(self, request: CompletionRequest, target: Target, *, stream: bool, content_type: str) -> Decoder:
        """A decoder of chunks, or of one answer."""
        vendor, answer = target.vendor, Answer()
        return MessageDecoder(
            vendor,
            answer.chunk if stream else answer.whole,
            lambda told: error_of(vendor, 0, told, {}),
            complete=lambda: answer.complete,
        )

    def error(self, target: Target, status: int, headers: Mapping[str, str], body: bytes) -> ApiError:
        """What a call that ended before its first message means; the headers are its trailing metadata."""
        return error_of(target.vendor, status, read_status(headers), headers)
