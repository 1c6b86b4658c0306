"""Requests to, and errors of, vendors that speak OpenAI's chat completions.

Source: https://platform.openai.com/docs/api-reference/chat.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from parley.chat.v1.completion_pb2 import CompletionRequest

from service.backends.dialect import Decoder, HttpCall, Target
from service.backends.fields import Families, Fields
from service.backends.merge import merge
from service.backends.openai.decoder import Reader
from service.backends.openai.error import read_error
from service.backends.openai.fields import OPENAI
from service.backends.openai.legacy import path_of, suffix_as_legacy
from service.backends.openai.mend import MendMaker
from service.backends.openai.rewrite import Rewrite, guided_json_as_response_format, image_data_as_url
from service.codec import JsonValue, dumps, parse_object, to_object
from service.errors import ApiError

_request_to_object = to_object(CompletionRequest, nulls=False)

_OWN_FIELDS = frozenset(("memory_strategy", "inference_timeout", "inference_extra_params", "inference_extra_headers"))
"""Fields that speak to this service and never to a vendor."""

_NOT_EVENTS = ("application/json", "text/html")

_HEADERS = {"content-type": "application/json", "accept": "application/json"}


def chat_path(target: Target) -> str:
    """Where chat completions are, below the base URL."""
    return "/chat/completions"


@dataclass(frozen=True, slots=True)
class OpenAiDialect:
    """One vendor's variety of the format, as data."""

    fields: Fields = field(default_factory=lambda: OPENAI)
    """What becomes of each field of a request."""
    families: Families = ()
    """Models that treat some fields in another way."""
    needs_image_bytes: bool = False
    """Whether the vendor fetches no images."""
    rewrites: tuple[Rewrite, ...] = (image_data_as_url, guided_json_as_response_format, suffix_as_legacy)
    """What is said in another way than OpenAI's."""
    mends: tuple[MendMaker, ...] = ()
    """What is answered in another way than OpenAI's."""
    path: Callable[[Target], str] = chat_path
    """Where chat completions are, below the base URL."""
    asks_for_usage: bool = True
    """Whether streams are asked to report their usage; else they do so of themselves."""
    end_mark: bool = True
    """Whether streams end with `[DONE]`; else they are over once each of their choices is."""
    always_streams: bool = False
    """Whether whole answers, too, are fetched as streams, because only those can be stopped."""
    adds: Mapping[str, JsonValue] = field(default_factory=dict[str, JsonValue])
    """Members that every request to the vendor has."""
    hides: Mapping[str, str] = field(default_factory=dict[str, str])
    """Members of events that only report, by the member of a request that asks for them: such events go to callers who
    asked themselves."""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    """Headers that every request to the vendor has."""
    finish_reasons: Mapping[str, str] = field(default_factory=dict[str, str])
    """OpenAI's words by the vendor's own, where those are others; empty for an answer that was broken off."""

    def encode(self, request: CompletionRequest, target: Target, *, stream: bool) -> HttpCall:
        """The request as the vendor's JSON body."""
        body = _request_to_object(request)
        own = _OWN_FIELDS.intersection(body)
        for name in own:
            del body[name]
        for rewrite in self.rewrites:
            rewrite(body, request, target)
        # Where a request has both, the one that is named so already stays.
        for name, new in target.renamed:
            if name in body:
                body.setdefault(new, body.pop(name))
        if own and request.inference_extra_params:
            merge(body, parse_object(request.inference_extra_params.encode()))
        body |= self.adds
        body["model"] = target.model
        body["stream"] = streams = stream or self.always_streams
        if streams and self.asks_for_usage:
            # Usage is always wanted, for the account; the pipeline takes it out where the caller did not ask.
            options = body.get("stream_options")
            body["stream_options"] = {**(options if isinstance(options, dict) else {}), "include_usage": True}
        else:
            body.pop("stream_options", None)
        headers = {**_HEADERS, **self.headers, **target.headers}
        if own:
            headers |= request.inference_extra_headers
        return HttpCall(path_of(self.path(target), body), headers, dumps(body))

    def decoder(self, request: CompletionRequest, target: Target, *, stream: bool, content_type: str) -> Decoder:
        """A decoder of server-sent events, or of one JSON object."""
        mends = tuple([make() for make in self.mends]) if self.mends else ()
        # An error, or a proxy's page, may come with status 200 where events were asked for.
        if (stream or self.always_streams) and not content_type.startswith(_NOT_EVENTS):
            hidden = frozenset(
                member for member, asked in self.hides.items() if f'"{asked}"' not in request.extra_fields
            )
            reader = Reader(target.vendor, hidden, self.finish_reasons, mends, self.end_mark, target.memory)
            return reader.events(analogy=target.analogy)
        return Reader(target.vendor, finish_reasons=self.finish_reasons, mends=mends).answer()

    def error(self, target: Target, status: int, headers: Mapping[str, str], body: bytes) -> ApiError:
        """What an answer with an error status means."""
        return read_error(target.vendor, status, headers, body)
