"""Requests to, and errors of, servers that speak Anthropic's Messages API.

Source: https://platform.claude.com/docs/en/api/messages.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from parley.chat.v1.completion_pb2 import CompletionRequest

from service.backends.anthropic.decoder import event_decoder, object_decoder
from service.backends.anthropic.error import read_error
from service.backends.anthropic.fields import ANTHROPIC, FAMILIES, SAMPLING
from service.backends.anthropic.request import body_of
from service.backends.dialect import Decoder, HttpCall, Target
from service.backends.fields import Families, Fields
from service.codec import dumps
from service.errors import ApiError, Kind

NEWEST = "2026-10-21"
"""The version of the API, and the first without sampling parameters
(https://platform.claude.com/docs/en/api/versioning)."""
WITH_SAMPLING = "2023-06-01"
"""The last version that has them."""
VERTEX = "vertex-2023-10-16"
"""The version at Vertex AI (https://platform.claude.com/docs/en/api/claude-on-vertex-ai)."""

TOKENS_PER_SECOND = 128_000 / 3600
"""The pace that Anthropic's own clients reckon with (https://platform.claude.com/docs/en/api/errors#long-requests)."""

_HEADERS = {"content-type": "application/json", "accept": "application/json"}
_NOT_EVENTS = ("application/json", "text/html")


@dataclass(frozen=True, slots=True)
class AnthropicDialect:
    """Anthropic's Messages API, or Claude at Vertex AI, which has it at other addresses."""

    fields: Fields = field(default_factory=lambda: ANTHROPIC)
    """What becomes of each field of a request, at the newest models."""
    families: Families = FAMILIES
    """Models that treat some fields in another way."""
    vertex: bool = False
    """Whether it is Vertex AI: model, project and region in the path, the version in the body."""

    @property
    def needs_image_bytes(self) -> bool:
        """Vertex AI fetches no images (https://platform.claude.com/docs/en/build-with-claude/vision)."""
        return self.vertex

    def encode(self, request: CompletionRequest, target: Target, *, stream: bool) -> HttpCall:
        """The request as the body of a message."""
        body = body_of(request, target.model)
        version = self._version(request, target)
        limit = body["max_tokens"]
        # A connection that is silent for long gets lost, and a whole answer is silent until it is complete.
        silent = limit / TOKENS_PER_SECOND if isinstance(limit, int) else 0.0
        streams = stream or silent > target.timeouts.first_token
        headers = dict(_HEADERS)
        if self.vertex:
            # Both stand in the path.
            body.pop("model", None)
            body = {"anthropic_version": version, **body}
        else:
            headers["anthropic-version"] = version
            body = {**body, "model": target.model}
        body.pop("stream", None)
        if streams:
            body["stream"] = True
        headers |= target.headers
        headers |= {name.lower(): value for name, value in request.inference_extra_headers.items()}
        return HttpCall(_vertex_path(target, streams=streams) if self.vertex else "/messages", headers, dumps(body))

    def decoder(self, request: CompletionRequest, target: Target, *, stream: bool, content_type: str) -> Decoder:
        """A decoder of server-sent events, or of one JSON object."""
        # A long answer was asked for as a stream, whatever the caller wants; and an error may come as one object.
        keeps_stop = request.include_stop_str_in_output
        if content_type.startswith("text/event-stream") or (stream and not content_type.startswith(_NOT_EVENTS)):
            return event_decoder(target.vendor, keeps_stop=keeps_stop, analogy=target.analogy)
        return object_decoder(target.vendor, keeps_stop=keeps_stop)

    def error(self, target: Target, status: int, headers: Mapping[str, str], body: bytes) -> ApiError:
        """What an answer with an error status means."""
        return read_error(target.vendor, status, headers, body)

    def _version(self, request: CompletionRequest, target: Target) -> str:
        """The version of the API: what the configuration says, else the newest that can say what the request does."""
        sampling = next((name for name in SAMPLING if request.HasField(name)), None)
        if not target.version:
            return VERTEX if self.vertex else WITH_SAMPLING if sampling else NEWEST
        if sampling and target.version.removeprefix("vertex-") >= NEWEST:
            problem = f"{sampling}: version {target.version} of {target.vendor}'s API, which is configured, has it not"
            raise ApiError(Kind.UNSUPPORTED, problem, param=sampling)
        return target.version


def _vertex_path(target: Target, *, streams: bool) -> str:
    # A base URL of one's own may hold both already.
    place = (
        "" if "/projects/" in target.base_url else f"/projects/{_part(target.project)}/locations/{_part(target.region)}"
    )
    return (
        f"{place}/publishers/anthropic/models/{_part(target.model)}:{'streamRawPredict' if streams else 'rawPredict'}"
    )


def _part(text: str) -> str:
    return quote(text, safe="@")
