"""What becomes of each field of a request at a vendor: the vocabulary of the one table, which each dialect fills."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from parley.chat.v1.completion_pb2 import CompletionRequest


@dataclass(frozen=True, slots=True)
class Sent:
    """The vendor gets it."""

    name: str = ""
    """What it is called there; empty: the same."""


@dataclass(frozen=True, slots=True)
class Emulated:
    """The service brings it about in another way."""

    by: str
    """How."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Nobody can honour it there."""

    why: str


Handling = Sent | Emulated | Refused

Fields = Mapping[str, Handling]
"""The handling of every name in NAMES."""

ROUTED = frozenset(("model", "messages"))
"""Fields that every vendor gets in its own form, so that there is nothing to say of them."""

IN_MESSAGES = (
    "content.image_url",
    "content.image_data",
    "content.input_audio",
    "content.file",
    "content.other",
    "message.name",
    "message.audio",
    "message.reasoning_content",
    "cache_control",
)
"""What stands within messages and tools and is not text: kinds of content parts, and members of messages."""

NESTED = ("content.image_url.detail", "response_format.json_schema.description")
"""Members of fields that a vendor may not know though it knows the field."""

NAMES: tuple[str, ...] = (
    *(field.name for field in CompletionRequest.DESCRIPTOR.fields if field.name not in ROUTED),
    *IN_MESSAGES,
    *NESTED,
)
"""Every field that a dialect has to say something of."""

KNOBS = frozenset(
    (
        "temperature top_p top_k seed frequency_penalty presence_penalty prediction reasoning_effort user metadata "
        "store stream_options guided_decoding_backend guided_whitespace_pattern message.name message.reasoning_content "
        "cache_control content.image_url.detail response_format.json_schema.description"
    ).split()
)
"""Fields that only tune: without one, the answer is of the same kind. All others are features."""

BY_THE_SERVICE: Fields = {
    "memory_strategy": Emulated("the service leaves the older messages out"),
    "inference_timeout": Emulated("the service's own deadline"),
    "inference_extra_params": Sent("merged last into the body"),
    "inference_extra_headers": Sent("headers of the request"),
    "functions": Emulated("sent as tools; calls come back as function_call"),
    "function_call": Emulated("sent as tool_choice"),
    "stream_options": Emulated("usage is always asked for, and passed on where it is wanted"),
}
"""Fields that are the same at every vendor."""


@dataclass(frozen=True, slots=True)
class Family:
    """Models of a vendor that treat some fields in another way than its others do."""

    models: str
    """Regular expression that matches the beginning of the vendor's names for them."""
    fields: Fields
    """What is different."""
    source: str
    """Address of the document that says so."""


Families = tuple[Family, ...]
"""Where several match, the later ones have the last word."""


def fields_of(fields: Fields, families: Families, model: str) -> Fields:
    """What becomes of each field at one model."""
    for family in families:
        if re.match(family.models, model):
            fields = {**fields, **family.fields}
    return fields


def sent(*names: str) -> dict[str, Handling]:
    """Rows for fields that the vendor gets under their own names."""
    return dict.fromkeys(names, Sent())


def refused(why: str, *names: str) -> dict[str, Handling]:
    """Rows for fields that the vendor has no equivalent of."""
    return dict.fromkeys(names, Refused(why))


def fan_out_of_n() -> dict[str, Handling]:
    """Rows for a vendor that gives one answer a request."""
    return {"n": Emulated("n requests at once, their answers merged")}


def missing(fields: Fields) -> Iterable[str]:
    """The fields that a dialect says nothing of, and the names in its table that are no fields."""
    return sorted(set(NAMES) ^ set(fields))
