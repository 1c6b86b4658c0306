"""What Gemini wants back with the next turn, and under which names it travels in between.

It stands in `extra_content.google` of a tool call or a message, as at Google's own OpenAI-compatible address:
https://ai.google.dev/gemini-api/docs/thought-signatures.
"""

import re

from service.codec import JsonObject, dumps, parse_object

_FOREIGN = "skip_thought_signature_validator"
"""Stands for the signature of a call that Gemini did not make, or whose caller has lost it."""

_UNSIGNED = re.compile(r"(.*/)?gemini-[12]\.")
"""Models that do not ask for signatures."""


def wanted(model: str) -> bool:
    """Whether a model refuses calls without a signature, as those from Gemini 3 on do."""
    return _UNSIGNED.match(model) is None


def foreign() -> str:
    """A signature for a call that has none."""
    return _FOREIGN


def pack(google: JsonObject, **others: list[JsonObject]) -> str:
    """The `extra_fields` of a tool call or a message; empty where there is nothing to keep."""
    members: JsonObject = {name: list(value) for name, value in others.items() if value}
    if google:
        members["extra_content"] = {"google": google}
    return dumps(members).decode() if members else ""


def unpack(extra_fields: str) -> JsonObject:
    """What `pack` packed, out of `extra_fields` that may hold anything."""
    content = parse_object(extra_fields).get("extra_content") if extra_fields else None
    google = content.get("google") if isinstance(content, dict) else None
    return google if isinstance(google, dict) else {}


def of(google: JsonObject) -> str:
    """The signature, where there is one."""
    value = google.get("thought_signature")
    return value if isinstance(value, str) else ""
