"""What an answer must look like, as one grammar in the Lark notation of llguidance, which the engine decodes by.

Notation: https://github.com/guidance-ai/llguidance/blob/main/docs/syntax.md.
"""

import importlib
import json
from typing import Protocol, cast

from parley.chat.v1.completion_pb2 import CompletionRequest

from service.codec import JsonObject, dumps, parse_value
from service.errors import ApiError, Kind

MARK = "%llguidance"
"""What a grammar in this notation begins with; the engine takes every other for GBNF."""

_HEAD = f"{MARK} {{}}\n"

_COMPACT: JsonObject = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
"""White space of JSON as models have mostly seen it; where any is allowed, small models write little else."""


def answer_rule(request: CompletionRequest) -> tuple[str, str]:
    """The right side of the rule for the text that a request wants, and the field that wants it; empty for any text.

    A grammar of the caller's own is no rule: see `grammar`.
    """
    if request.guided_json:
        return json_rule(request.guided_json, request.guided_whitespace_pattern), "guided_json"
    if request.guided_regex:
        return f"/{_slashes_escaped(request.guided_regex)}/", "guided_regex"
    if request.guided_choice:
        # JSON's escapes are Lark's, so that no character of a choice can end its string.
        return " | ".join(json.dumps(choice) for choice in request.guided_choice), "guided_choice"
    form = request.response_format
    if form.type == "json_object" and not form.extra_fields:
        return json_rule('{"type":"object"}', request.guided_whitespace_pattern), "response_format"
    if form.type == "json_schema":
        schema = form.json_schema
        rule = json_rule(schema.schema or "{}", request.guided_whitespace_pattern, strict=schema.strict)
        return rule, "response_format.json_schema.schema"
    return "", ""


def json_rule(schema: str, whitespace: str = "", *, strict: bool = True) -> str:
    """The right side of a rule for JSON.

    :param schema: a JSON Schema, as text.
    :param whitespace: regular expression; empty: one space after each comma and colon.
    :param strict: whether a keyword that the engine cannot follow is an error, and not passed over.
    """
    parsed = parse_value(schema)
    if not isinstance(parsed, dict):
        # true allows everything, and so does an empty object.
        parsed = cast("JsonObject", {} if parsed is True else {"enum": []})
    options: JsonObject = {"whitespace_pattern": whitespace} if whitespace else dict(_COMPACT)
    if not strict:
        options["lenient"] = True
    own = parsed.get("x-guidance")
    return "%json " + dumps({**parsed, "x-guidance": {**options, **(own if isinstance(own, dict) else {})}}).decode()


def grammar(start: str, *rules: str, param: str) -> str:
    """A whole grammar. ApiError (UNSUPPORTED) where the engine could not follow it.

    :param start: right side of the first rule.
    :param rules: further rules, one a text.
    :param param: the request's field that asks for it.
    """
    return checked("\n".join((f"{_HEAD}start: {start}", *rules)) + "\n", param)


def checked(text: str, param: str) -> str:
    """The same grammar, in Lark notation, once llguidance has read it.

    The engine serves a grammar that it cannot read as if there were none, so this is the only place that can tell.
    """
    try:
        problem = _matcher().validate_grammar(text)
    except BaseException as error:
        # A bug of the library; its exception stands outside Exception.
        if type(error).__name__ != "PanicException":
            raise
        problem = "it cannot be read"
    if problem:
        raise ApiError(Kind.UNSUPPORTED, f"{param}: the engine cannot follow it: {_short(problem)}", param=param)
    return text


def _short(problem: str) -> str:
    """The library's words without the copy of the grammar that follows them."""
    lines = [line.strip() for line in problem.splitlines() if " | " not in line]
    return " ".join(line for line in lines if line.strip("^ "))[:300]


def _slashes_escaped(pattern: str) -> str:
    """The pattern, for between slashes; what is escaped already stays."""
    pieces: list[str] = []
    escaped = False
    for character in pattern:
        if character == "\n":
            pieces.append("n" if escaped else "\\n")
        else:
            pieces.append("\\/" if character == "/" and not escaped else character)
        escaped = character == "\\" and not escaped
    return "".join(pieces)


class _Matcher(Protocol):
    def validate_grammar(self, grammar: str) -> str: ...


def _matcher() -> _Matcher:
    try:
        library = importlib.import_module("llguidance")
    except ModuleNotFoundError:
        problem = "constraints of the embedded model need the package llguidance: pip install 'parley[local]'"
        raise ApiError(Kind.UNSUPPORTED, problem) from None
    return cast("_Matcher", library.LLMatcher)
