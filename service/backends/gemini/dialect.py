"""Requests to, and errors of, vendors that speak Gemini's generateContent.

Source: https://ai.google.dev/api/generate-content.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from parley.chat.v1.completion_pb2 import CompletionRequest

from service.backends.dialect import Decoder, HttpCall, Target
from service.backends.fields import Families, Fields
from service.backends.gemini.decoder import event_decoder, object_decoder
from service.backends.gemini.error import read_error
from service.backends.gemini.fields import FAMILIES, GEMINI
from service.backends.gemini.request import body_of
from service.codec import dumps
from service.errors import ApiError

_HEADERS = {"content-type": "application/json", "accept": "application/json"}

_NOT_EVENTS = ("application/json", "text/html")

_RESOURCE = re.compile(r"[\w@-][\w@.-]*(/[\w@-][\w@.-]*)+", re.ASCII)
"""A model's name that says its collection, too, such as `tunedModels/x` or `endpoints/123`."""


def gemini_path(target: Target) -> str:
    """Where a model is at the Gemini API, below the base URL."""
    return "/" + _resource(target.model, "models")


def vertex_path(target: Target) -> str:
    """Where a model is at Vertex AI, below a base URL that may hold project and region already."""
    place = f"/projects/{quote(target.project, safe='')}/locations/{quote(target.region, safe='')}"
    known = "/projects/" in target.base_url or not target.project
    return ("" if known else place) + "/" + _resource(target.model, "publishers/google/models")


def _resource(model: str, collection: str) -> str:
    return model if _RESOURCE.fullmatch(model) else f"{collection}/{quote(model, safe='')}"


@dataclass(frozen=True, slots=True)
class GeminiDialect:
    """One vendor's variety of the format, as data."""

    fields: Fields = field(default_factory=lambda: GEMINI)
    """What becomes of each field of a request."""
    families: Families = FAMILIES
    """Models that treat some fields in another way."""
    path: Callable[[Target], str] = gemini_path
    """Where a model is, below the base URL."""
    needs_image_bytes: bool = True
    """Whether images by URL are to be fetched first: vendors fetch few of them, and need to be told their types."""

    def encode(self, request: CompletionRequest, target: Target, *, stream: bool) -> HttpCall:
        """The request as the vendor's JSON body."""
        method = "streamGenerateContent?alt=sse" if stream else "generateContent"
        headers = {**_HEADERS, **target.headers, **request.inference_extra_headers}
        return HttpCall(f"{self.path(target)}:{method}", headers, dumps(body_of(request, target)))

    def decoder(self, request: CompletionRequest, target: Target, *, stream: bool, content_type: str) -> Decoder:
        """A decoder of server-sent events, or of one JSON object."""
        quoted = bool(request.guided_regex)
        # An error, or a proxy's page, may come with status 200 where events were asked for.
        if stream and not content_type.startswith(_NOT_EVENTS):
            return event_decoder(target.vendor, quoted=quoted)
        return object_decoder(target.vendor, quoted=quoted)

    def error(self, target: Target, status: int, headers: Mapping[str, str], body: bytes) -> ApiError:
        """What an answer with an error status means."""
        return read_error(target, status, headers, body)
