"""Whether a guided answer follows its guide: a cheap check, since some engines ignore a guide without a word."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import jsonschema_rs
import regex
from parley.chat.v1.completion_pb2 import CompletionRequest

from service.codec import DecodeError, parse_value
from service.pipeline.free_text import retrieve_nothing

_REGEX_SECONDS = 0.05
"""How long a pattern is tried; beyond that nobody can tell cheaply."""


def guide_of(request: CompletionRequest) -> str:
    """The guided_* field that can be checked; empty where there is none."""
    return next((name for name in _CHECKS if getattr(request, name)), "")


def obeys(request: CompletionRequest, guide: str, text: str) -> bool:
    """Whether a finished answer follows the guide. True where that cannot be told cheaply."""
    return _CHECKS[guide](request, text)


def _choice(request: CompletionRequest, text: str) -> bool:
    return text in request.guided_choice


def _regex(request: CompletionRequest, text: str) -> bool:
    try:
        return regex.fullmatch(request.guided_regex, text, regex.DOTALL, timeout=_REGEX_SECONDS) is not None
    except (regex.error, TimeoutError):
        # The engine's dialect of patterns, which it has accepted, is not Python's.
        return True


def _json(request: CompletionRequest, text: str) -> bool:
    try:
        answer = parse_value(text.encode())
    except DecodeError:
        return False
    try:
        return jsonschema_rs.validator_for(request.guided_json, retriever=retrieve_nothing).is_valid(answer)
    except ValueError:
        # A reference that leads nowhere: the schema cannot be applied.
        return True


_CHECKS: Mapping[str, Callable[[CompletionRequest, str], bool]] = MappingProxyType(
    {"guided_choice": _choice, "guided_regex": _regex, "guided_json": _json}
)
