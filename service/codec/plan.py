"""What the contract says of each message's JSON form, from the descriptors and the options of json.proto.

Read in one place, so that decoding, encoding and checking agree on it.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, cast

from google.api import field_behavior_pb2
from google.protobuf.descriptor import FieldDescriptor
from parley.chat.v1 import json_pb2

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, OneofDescriptor
    from google.protobuf.message import Message

_RAW = json_pb2.RawJson


class Kind(Enum):
    """What a field holds, as JSON knows it."""

    STRING = auto()
    BOOLEAN = auto()
    INTEGER = auto()
    NUMBER = auto()
    BYTES = auto()
    MESSAGE = auto()
    FREE = auto()  # a string with JSON text


_KINDS = {
    FieldDescriptor.CPPTYPE_STRING: Kind.STRING,
    FieldDescriptor.CPPTYPE_BOOL: Kind.BOOLEAN,
    FieldDescriptor.CPPTYPE_INT32: Kind.INTEGER,
    FieldDescriptor.CPPTYPE_UINT32: Kind.INTEGER,
    FieldDescriptor.CPPTYPE_INT64: Kind.INTEGER,
    FieldDescriptor.CPPTYPE_UINT64: Kind.INTEGER,
    FieldDescriptor.CPPTYPE_DOUBLE: Kind.NUMBER,
    FieldDescriptor.CPPTYPE_MESSAGE: Kind.MESSAGE,
}
_RANGES = {
    FieldDescriptor.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 2**64 - 1),
}


@dataclass(frozen=True, slots=True)
class FieldPlan:
    """One member of a message's JSON form. The options are those of JsonField."""

    name: str
    descriptor: FieldDescriptor
    kind: Kind
    repeated: bool
    presence: bool
    required: bool
    bounds: tuple[int, int]  # of integers, both included
    map_value: FieldPlan | None  # of maps: what the values are
    raw: int  # of json_pb2.RawJson
    one_or_many: bool
    single_as_scalar: bool
    number_or_string: bool
    null_when_absent: bool
    empty_when_absent: bool
    aliases: tuple[str, ...]

    @property
    def message(self) -> Descriptor:
        """Type of what a field of Kind.MESSAGE holds."""
        return cast("Descriptor", self.descriptor.message_type)


@dataclass(frozen=True, slots=True)
class MessagePlan:
    """The JSON form of one message. The options are those of JsonMessage, None where they are not set."""

    descriptor: Descriptor
    fields: tuple[FieldPlan, ...]  # that are members by their own name, in the order of the .proto
    tag: str | None
    union: str | None  # the oneof that the tag tells
    cases: tuple[str, ...]  # fields of the union
    scalar: FieldPlan | None
    also_in: str | None
    unknown_members: FieldPlan | None
    unknown_variant: FieldPlan | None

    @property
    def names(self) -> frozenset[str]:
        """Every member that is read, aliases included."""
        own = {field.name for field in self.fields}
        aliases = {alias for field in self.fields for alias in field.aliases}
        return frozenset(own | aliases | {name for name in (self.tag, self.also_in) if name})

    @property
    def written_as_scalar(self) -> bool:
        """Whether the scalar's bare string is also how the message is written.

        A required scalar (ImageUrl.url) belongs to the object, for which the string is only short; one that is not
        (ToolChoice.mode) is an alternative to the object. A tagged union's string (ContentPart.text) has a form of
        its own in lists, where the list's field says so (single_as_scalar).
        """
        return self.scalar is not None and self.tag is None and not self.scalar.required


def descriptor_of(message: type[Message] | Message) -> Descriptor:
    """The descriptor of a message or its class, by the type that protobuf's implementations share."""
    return cast("Descriptor", message.DESCRIPTOR)


@functools.cache
def plan_of(descriptor: Descriptor) -> MessagePlan:
    """Reads the plan of a message. Raises TypeError where the contract asks for a form that the codec has not."""
    options = cast("json_pb2.JsonMessage", _extension(descriptor, json_pb2.json_message))
    every = tuple(_field(field) for field in descriptor.fields)
    named = {field.name: field for field in every}
    members = tuple(
        field for field in every if field.raw not in (_RAW.RAW_JSON_UNKNOWN_MEMBERS, _RAW.RAW_JSON_UNKNOWN_VARIANT)
    )
    unions = [oneof for oneof in descriptor.oneofs if not _is_synthetic(oneof)]
    if options.tag and len(unions) != 1:
        raise TypeError(f"{descriptor.full_name}: a tag needs exactly one oneof")
    if options.tag and any(field.null_when_absent or field.empty_when_absent for field in every):
        raise TypeError(f"{descriptor.full_name}: a tagged union's fields are not printed where they are absent")
    plan = MessagePlan(
        descriptor=descriptor,
        fields=members,
        tag=options.tag or None,
        union=unions[0].name if options.tag else None,
        cases=tuple(field.name for field in members if options.tag and field.descriptor in unions[0].fields),
        scalar=named[options.scalar] if options.scalar else None,
        also_in=options.also_in or None,
        unknown_members=_only(every, _RAW.RAW_JSON_UNKNOWN_MEMBERS),
        unknown_variant=_only(every, _RAW.RAW_JSON_UNKNOWN_VARIANT),
    )
    if plan.scalar and (plan.scalar.kind is not Kind.STRING or plan.scalar.repeated):
        raise TypeError(f"{descriptor.full_name}: the short form of a message is a string")
    if plan.also_in and (plan.tag or plan.unknown_members):
        raise TypeError(f"{descriptor.full_name}: also_in goes with neither a tag nor unknown members")
    return plan


def _field(field: FieldDescriptor) -> FieldPlan:
    options = cast("json_pb2.JsonField", _extension(field, json_pb2.json))
    entry = field.message_type if field.message_type and field.message_type.GetOptions().map_entry else None
    if entry and entry.fields_by_name["key"].type != FieldDescriptor.TYPE_STRING:
        raise TypeError(f"{field.full_name}: keys of JSON objects are strings")
    kind = Kind.FREE if options.raw else Kind.BYTES if field.type == FieldDescriptor.TYPE_BYTES else _kind(field)
    if options.aliases and (field.is_repeated or kind is Kind.MESSAGE or not field.has_presence):
        raise TypeError(f"{field.full_name}: aliases are for scalars with presence")
    return FieldPlan(
        name=field.name,
        descriptor=field,
        kind=kind,
        repeated=field.is_repeated,
        presence=field.has_presence,
        required=field_behavior_pb2.REQUIRED in _extension(field, field_behavior_pb2.field_behavior),
        bounds=_RANGES.get(field.cpp_type, (0, 0)),
        map_value=_field(entry.fields_by_name["value"]) if entry else None,
        raw=options.raw,
        one_or_many=options.one_or_many,
        single_as_scalar=options.single_as_scalar,
        number_or_string=options.number_or_string,
        null_when_absent=options.null_when_absent,
        empty_when_absent=options.empty_when_absent,
        aliases=tuple(options.aliases),
    )


def _kind(field: FieldDescriptor) -> Kind:
    kind = _KINDS.get(field.cpp_type)
    if kind is None:
        raise TypeError(f"{field.full_name}: the codec has no JSON form for its type")
    return kind


def _only(fields: tuple[FieldPlan, ...], raw: int) -> FieldPlan | None:
    return next((field for field in fields if field.raw == raw), None)


def _is_synthetic(oneof: OneofDescriptor) -> bool:
    """Whether a oneof is only how `optional` is compiled."""
    return len(oneof.fields) == 1 and oneof.name == f"_{oneof.fields[0].name}"


def _extension(descriptor: Descriptor | FieldDescriptor, extension: object) -> Any:
    # The generated stubs leave open which type an extension has.
    return descriptor.GetOptions().Extensions[cast("Any", extension)]
