"""Checks what a request says against the schema's own rules, before any vendor is called."""

import math
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, NoReturn

from parley.chat.v1.completion_pb2 import CompletionRequest

from service.errors import ApiError, Kind
from service.pipeline.free_text import check_schema, check_template

Range = tuple[float, float]

RANGES: Mapping[str, Range] = MappingProxyType(
    {
        "max_tokens": (1, math.inf),
        "max_completion_tokens": (1, math.inf),
        "temperature": (0, 2),
        "top_p": (0, 1),
        "top_k": (-1, math.inf),
        "n": (1, 128),
        "best_of": (1, 128),
        "frequency_penalty": (-2, 2),
        "presence_penalty": (-2, 2),
        "top_logprobs": (0, 20),
    }
)
"""Numbers, and the range that each may be in, both ends included."""

WORDS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "modalities": frozenset(("text", "audio")),
        "guided_decoding_backend": frozenset(("outlines", "lm-format-enforcer", "xgrammar", "guidance", "auto")),
    }
)
"""Texts with a closed vocabulary of our own schema; vendors add to the others."""

GUIDES = ("guided_json", "guided_regex", "guided_choice", "guided_grammar")
"""Constraints of which a request may have one."""

MOST_STOPS = 4
MOST_LABELS = 16


def validate(request: CompletionRequest, fields: Mapping[str, Any], *, stream: bool) -> None:
    """Checks a request; ApiError (INVALID_VALUE) names the path of what is wrong and what would be right.

    :param fields: those that are set, with their values.
    """
    for name, value in fields.items():
        limits = RANGES.get(name)
        if limits is not None and not limits[0] <= value <= limits[1]:
            _invalid(name, f"expected {_range(*limits)}, got {value:g}")
    if not _ABOUT.isdisjoint(fields):
        for about, rule in _RULES:
            if not about.isdisjoint(fields):
                rule(request)
    if stream and request.best_of > 1:
        _invalid("best_of", "cannot be streamed, since the best is known only at the end; send stream: false")


def _numbers(request: CompletionRequest) -> None:
    if request.HasField("best_of") and request.best_of < (request.n or 1):
        _invalid("best_of", f"expected at least n, which is {request.n or 1}, got {request.best_of}")
    if request.top_logprobs and not request.logprobs:
        _invalid("top_logprobs", "needs logprobs: true")
    if request.HasField("inference_timeout") and not 0 < request.inference_timeout < math.inf:
        _invalid("inference_timeout", "expected a number of seconds above 0")


def _texts(request: CompletionRequest) -> None:
    if len(request.stop) > MOST_STOPS:
        _invalid("stop", f"expected at most {MOST_STOPS} sequences, got {len(request.stop)}")
    for index, text in enumerate(request.stop):
        if not text:
            _invalid(f"stop[{index}]", "expected a sequence of at least one character")
    for index, word in enumerate(request.modalities):
        if word not in WORDS["modalities"]:
            _invalid(f"modalities[{index}]", f"expected text or audio, got {word!r}")
    backend = request.guided_decoding_backend
    if backend and backend not in WORDS["guided_decoding_backend"]:
        _invalid("guided_decoding_backend", f"expected outlines or lm-format-enforcer, got {backend!r}")


def _labels(request: CompletionRequest) -> None:
    for token, bias in request.logit_bias.items():
        if not (token.isascii() and token.isdigit()):
            _invalid(f"logit_bias.{token}", "expected the number of a token as the key")
        if not -100 <= bias <= 100:
            _invalid(f"logit_bias.{token}", f"expected {_range(-100, 100)}, got {bias:g}")
    if len(request.metadata) > MOST_LABELS:
        _invalid("metadata", f"expected at most {MOST_LABELS} labels, got {len(request.metadata)}")


def _sound(request: CompletionRequest) -> None:
    wanted = "audio" in request.modalities
    if wanted and not request.HasField("audio"):
        _invalid("audio", "required, as modalities has audio: {voice, format}")
    if request.HasField("audio"):
        if not wanted:
            _invalid("audio", "needs modalities with audio")
        for name in ("voice", "format"):
            if not getattr(request.audio, name):
                _invalid(f"audio.{name}", "required")


def _tools(request: CompletionRequest) -> None:
    names: set[str] = set()
    for index, tool in enumerate(request.tools):
        path = f"tools[{index}]"
        if not tool.type:
            _invalid(f"{path}.type", "required, such as function")
        if tool.type == "function":
            function = tool.function
            name = function.name
            if not name:
                _invalid(f"{path}.function.name", "required")
            names.add(name)
            check_schema(f"{path}.function.parameters", function.parameters)
    for index, function in enumerate(request.functions):
        if not function.name:
            _invalid(f"functions[{index}].name", "required")
        check_schema(f"functions[{index}].parameters", function.parameters)
        names.add(function.name)
    choice = request.tool_choice
    if choice.mode and choice.mode not in {"none", "auto", "required"}:
        _invalid("tool_choice", f"expected none, auto, required or an object, got {choice.mode!r}")
    if choice.mode == "required" and not names and not request.tools:
        _invalid("tool_choice", "required, but there are no tools")
    if choice.HasField("function") and choice.function.name not in names:
        _invalid("tool_choice.function.name", f"expected one of the tools, got {choice.function.name!r}")
    if request.function_call.name and request.function_call.name not in names:
        _invalid("function_call.name", f"expected one of the functions, got {request.function_call.name!r}")


def _format(request: CompletionRequest) -> None:
    form = request.response_format
    if request.HasField("response_format") and not form.type:
        _invalid("response_format.type", "required, such as text, json_object or json_schema")
    if form.type == "json_schema":
        if not form.json_schema.name:
            _invalid("response_format.json_schema.name", "required")
        check_schema("response_format.json_schema.schema", form.json_schema.schema)
    guides = [name for name in GUIDES if getattr(request, name)]
    if len(guides) > 1:
        _invalid(guides[1], f"cannot stand together with {guides[0]}")
    if guides and form.type in {"json_object", "json_schema"}:
        _invalid(guides[0], "cannot stand together with a response_format that asks for JSON")
    check_schema("guided_json", request.guided_json)
    if request.chat_template:
        check_template("chat_template", request.chat_template)


def _strategy(request: CompletionRequest) -> None:
    if not request.HasField("memory_strategy"):
        return
    strategy = request.memory_strategy
    if strategy.name not in {"", "last_k"}:
        _invalid("memory_strategy.name", f"expected last_k, got {strategy.name!r}")
    if not strategy.HasField("k"):
        _invalid("memory_strategy.k", "required")
    if strategy.k < 1:
        _invalid("memory_strategy.k", f"expected at least 1, got {strategy.k}")


def _prediction(request: CompletionRequest) -> None:
    if request.HasField("prediction"):
        if request.prediction.type != "content":
            _invalid("prediction.type", f"expected content, got {request.prediction.type!r}")
        if not request.prediction.content:
            _invalid("prediction.content", "required")


def _about(*names: str) -> frozenset[str]:
    return frozenset(names)


_RULES: Iterable[tuple[frozenset[str], Callable[[CompletionRequest], None]]] = (
    (_about("best_of", "top_logprobs", "inference_timeout"), _numbers),
    (_about("stop", "modalities", "guided_decoding_backend"), _texts),
    (_about("logit_bias", "metadata"), _labels),
    (_about("modalities", "audio"), _sound),
    (_about("tools", "functions", "tool_choice", "function_call"), _tools),
    (_about("response_format", "chat_template", *GUIDES), _format),
    (_about("memory_strategy"), _strategy),
    (_about("prediction"), _prediction),
)
"""What may be wrong with fields; asked where at least one of them is set."""
_ABOUT = _about().union(*(about for about, _ in _RULES))
"""All that any of them is about: most requests have none of it."""


def _range(low: float, high: float) -> str:
    return f"a number of at least {low:g}" if high == math.inf else f"a number from {low:g} to {high:g}"


def _invalid(path: str, problem: str) -> NoReturn:
    raise ApiError(Kind.INVALID_VALUE, f"{path}: {problem}", param=path)
