"""Checks the JSON text inside messages that somebody else made: a gRPC caller's string field may hold anything."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from google.protobuf.message_factory import GetMessageClass
from parley.chat.v1 import json_pb2

from service.codec.error import DecodeError, mismatch
from service.codec.plan import FieldPlan, Kind, MessagePlan, descriptor_of, plan_of
from service.codec.text import MAX_DEPTH, check_depth, parse_value

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor
    from google.protobuf.message import Message

# Checks the value of one field, which is a message, several or a text, hence Any.
_Check: TypeAlias = "Callable[[Any], None]"

_ANY_VALUE: Final = json_pb2.RawJson.RAW_JSON_VALUE


def validate_raw_json(message: Message) -> None:
    """Raises DecodeError, with the path, where JSON text in the message is not JSON of the kind its field asks for.

    Also where unknown members have the name of a known one: who means that one sets its field.
    """
    _walker(descriptor_of(message))(message)


@functools.cache
def _walker(descriptor: Descriptor) -> _Check:
    """Compiles the function that checks all text in a message of this type."""
    plan = plan_of(descriptor)
    list_fields = GetMessageClass(descriptor).ListFields
    extras = [field for field in (plan.unknown_members, plan.unknown_variant) if field]
    checks = {field.descriptor: check for field in (*plan.fields, *extras) if (check := _check(field, plan))}

    def walk(message: Message) -> None:
        for field, value in list_fields(message):
            check = checks.get(field)
            if check is not None:
                try:
                    check(value)
                except DecodeError as error:
                    raise error.under(field.name) from None

    return walk


def _check(field: FieldPlan, plan: MessagePlan) -> _Check | None:
    if field.kind is Kind.FREE:
        known = plan.names if field is plan.unknown_members else frozenset[str]()
        return functools.partial(_check_text, field.raw, known)
    if field.kind is not Kind.MESSAGE or field.map_value:
        return None
    # Compiled when first met, as a message may hold itself.
    return functools.partial(_check_messages if field.repeated else _check_message, field.message)


def _check_message(descriptor: Descriptor, message: Message) -> None:
    _walker(descriptor)(message)


def _check_messages(descriptor: Descriptor, messages: Any) -> None:
    walk = _walker(descriptor)
    for index, message in enumerate(messages[:]):
        try:
            walk(message)
        except DecodeError as error:
            raise error.under(index) from None


def _check_text(raw: int, known: frozenset[str], text: str) -> None:
    value = parse_value(text)
    if text.count("{") + text.count("[") > MAX_DEPTH:  # else it cannot be too deep, which takes longer to find out
        check_depth(value)
    if raw == _ANY_VALUE:
        return
    if not isinstance(value, dict):
        raise mismatch("the text of an object", value)
    for name in value:
        if name in known:
            raise DecodeError(name, "is a field of the message, set that")
