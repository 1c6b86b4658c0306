"""Requests to, and errors of, Cohere's Chat API."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from parley.chat.v1.completion_pb2 import CompletionRequest

from service.backends.cohere.decoder import event_decoder, object_decoder
from service.backends.cohere.error import read_error
from service.backends.cohere.fields import COHERE
from service.backends.cohere.request import body_of
from service.backends.dialect import Decoder, HttpCall, Target
from service.backends.fields import Families, Fields
from service.codec import dumps
from service.errors import ApiError

_HEADERS = {"content-type": "application/json", "accept": "application/json"}


@dataclass(frozen=True, slots=True)
class CohereDialect:
    """Version 2 of the API (https://docs.cohere.com/reference/chat)."""

    fields: Fields = field(default_factory=lambda: COHERE)
    """What becomes of each field of a request."""
    families: Families = ()
    """None known: what a model does not support, Cohere says itself."""
    needs_image_bytes: bool = False
    """Cohere fetches images itself."""

    def encode(self, request: CompletionRequest, target: Target, *, stream: bool) -> HttpCall:
        """The request as Cohere's JSON body."""
        body = {"model": "", **body_of(request)}
        body["model"] = target.model
        body["stream"] = stream
        headers = {**_HEADERS, **target.headers, **request.inference_extra_headers}
        return HttpCall("/chat", headers, dumps(body))

    def decoder(self, request: CompletionRequest, target: Target, *, stream: bool, content_type: str) -> Decoder:
        """A decoder of server-sent events, or of one JSON object."""
        if stream and not content_type.startswith(("application/json", "text/html")):
            return event_decoder(target.vendor, analogy=target.analogy)
        return object_decoder(target.vendor)

    def error(self, target: Target, status: int, headers: Mapping[str, str], body: bytes) -> ApiError:
        """What an answer with an error status means."""
        return read_error(target.vendor, status, headers, body)
