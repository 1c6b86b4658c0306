"""Requests to the embedded model's engine: a row of OpenAI's family, and what the service adds to it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from parley.chat.v1.completion_pb2 import CompletionRequest

from service.backends.dialect import Decoder, Dialect, HttpCall, Target
from service.backends.fields import Families, Fields
from service.backends.local import tools
from service.backends.local.calls import CallReader
from service.backends.local.decoder import LocalDecoder
from service.backends.local.fields import LOCAL
from service.backends.local.rewrite import CHAT, alternatives, constraint, reported_stop, seed
from service.backends.openai import OpenAiDialect
from service.backends.openai.legacy import as_legacy
from service.codec import JsonObject
from service.errors import ApiError, Kind


def _row() -> OpenAiDialect:
    return OpenAiDialect(
        fields=LOCAL,
        rewrites=CHAT,
        # The engine computes an answer to its end, whoever has gone, unless it streams and reports its progress;
        # and it closes a connection after a stream without having said so.
        always_streams=True,
        adds={"return_progress": True},
        hides={"prompt_progress": "return_progress"},
        headers={"connection": "close"},
    )


@dataclass(frozen=True, slots=True)
class LocalDialect:
    """llama.cpp's server, whatever its weights."""

    row: OpenAiDialect = field(default_factory=_row)

    @property
    def fields(self) -> Fields:
        """What becomes of each field of a request."""
        return self.row.fields

    @property
    def families(self) -> Families:
        """None: one model, one engine."""
        return ()

    @property
    def needs_image_bytes(self) -> bool:
        """It reads no images at all."""
        return False

    @property
    def special_tokens(self) -> Mapping[str, str]:
        """Those of the default weights, SmolLM2."""
        return {"bos_token": "<|im_start|>", "eos_token": "<|im_end|>"}

    def with_prompt(self, prompt: str) -> Dialect:
        """For one conversation that the caller's own template has rendered."""

        def prompted(body: JsonObject, request: CompletionRequest, target: Target) -> None:
            body.pop("chat_template", None)
            body.pop("chat_template_kwargs", None)
            form = body.pop("response_format", None)
            if form is not None and request.response_format.type != "text":
                kind = request.response_format.type
                problem = f"response_format: the engine knows no {kind!r} beside a chat_template"
                raise ApiError(Kind.UNSUPPORTED, problem, param="response_format")
            as_legacy(body, prompt)

        rewrites = (constraint, seed, alternatives, reported_stop, prompted)
        return LocalDialect(replace(self.row, rewrites=rewrites))

    def encode(self, request: CompletionRequest, target: Target, *, stream: bool) -> HttpCall:
        """The request as the engine's JSON body."""
        return self.row.encode(request, target, stream=stream)

    def decoder(self, request: CompletionRequest, target: Target, *, stream: bool, content_type: str) -> Decoder:
        """A decoder of server-sent events that finishes what the engine leaves open."""
        return LocalDecoder(
            self.row.decoder(request, target, stream=stream, content_type=content_type),
            calls=CallReader() if tools.offered(request) else None,
            keeps_stop=request.include_stop_str_in_output and bool(request.stop),
            no_alternatives=request.logprobs and not request.top_logprobs,
        )

    def error(self, target: Target, status: int, headers: Mapping[str, str], body: bytes) -> ApiError:
        """What an answer with an error status means."""
        return self.row.error(target, status, headers, body)
