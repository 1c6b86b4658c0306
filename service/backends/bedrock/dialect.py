"""Requests to, and errors of, Amazon Bedrock's Converse API.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from parley.chat.v1.completion_pb2 import CompletionRequest

from service.backends.bedrock.decoder import StreamDecoder, object_decoder
from service.backends.bedrock.error import read_error
from service.backends.bedrock.fields import CONVERSE, FAMILIES
from service.backends.bedrock.request import body_of
from service.backends.dialect import Decoder, HttpCall, Target
from service.backends.fields import Families, Fields
from service.codec import dumps
from service.errors import ApiError

_EVENTS = "application/vnd.amazon.eventstream"
_WHOLE = "application/json"


@dataclass(frozen=True, slots=True)
class BedrockDialect:
    """Converse, and ConverseStream for streams."""

    fields: Fields = field(default_factory=lambda: CONVERSE)
    """What becomes of each field of a request."""
    families: Families = FAMILIES
    """Models that treat some fields in another way."""
    needs_image_bytes: bool = True
    """Converse fetches no images."""

    def encode(self, request: CompletionRequest, target: Target, *, stream: bool) -> HttpCall:
        """The request as Converse's JSON body."""
        # The model's name may be an ARN, whose colons and slashes are part of the name.
        path = f"/model/{quote(target.model, safe='')}/converse{'-stream' if stream else ''}"
        own = {**target.headers, **request.inference_extra_headers}
        headers = {
            "content-type": "application/json",
            "accept": _EVENTS if stream else _WHOLE,
            **{name.lower(): value for name, value in own.items()},
        }
        return HttpCall(path, headers, dumps(body_of(request, target.fields)))

    def decoder(self, request: CompletionRequest, target: Target, *, stream: bool, content_type: str) -> Decoder:
        """A decoder of event-stream frames, or of one JSON object."""
        # An error, or a proxy's page, may come with status 200 where events were asked for.
        if stream and not content_type.startswith((_WHOLE, "text/html")):
            return StreamDecoder(target.vendor)
        return object_decoder(target.vendor)

    def error(self, target: Target, status: int, headers: Mapping[str, str], body: bytes) -> ApiError:
        """What an answer with an error status means."""
        return read_error(target.vendor, status, headers, body)
