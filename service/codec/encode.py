"""Messages → JSON: one function per message, compiled once from its plan.

Asking protobuf is what takes the time, and there are two ways to ask: by the name of each field, with straight-line
code made for the message, which suits messages of few fields or of plain scalars; or for the list of the fields that
are set, which suits those that have many fields and few of them set. bench/codec.py measures what the choice is worth.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar, cast

import orjson
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from service.codec.error import DecodeError
from service.codec.plan import FieldPlan, Kind, MessagePlan, descriptor_of, plan_of
from service.codec.text import JsonObject, JsonValue, dumps, parse_object

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, FieldDescriptor

M = TypeVar("M", bound=Message)

_Write: TypeAlias = Callable[[Message], JsonObject]
# The JSON form of a field's value as protobuf gives it, hence Any. None: the value is its own JSON form.
_Convert: TypeAlias = "Callable[[Any], JsonValue] | None"
_ListFields: TypeAlias = "Callable[[Message], Sequence[tuple[FieldDescriptor, Any]]]"

# Fields of a message, up to which all of them are asked for.
_FEW: Final = 6

# Doubles below it are whole numbers exactly, and are written without a fraction.
_WHOLE_NUMBERS: Final = 2.0**53


def encoder(message_class: type[M], *, nulls: bool) -> Callable[[M], bytes]:
    """Compiles the function that writes a message of this class as compact JSON.

    `nulls` prints null and [] where the contract says that answers do (null_when_absent, empty_when_absent); requests
    to vendors have none. Members come in the order of the .proto, a union's tag first, unknown members last; where an
    unknown member has the name of a known one that is set, the known one is written. A double that JSON has no number
    for (NaN, infinity) is written as null. The JSON text that the message's fields hold is spliced in as it stands:
    validate_raw_json is for messages that somebody else made. Raises DecodeError where unknown members are no object.
    """
    return _encoder(message_class, nulls)


def to_object(message_class: type[M], *, nulls: bool) -> Callable[[M], JsonObject]:
    """As encoder, but compiles the function that gives the object in Python, which the caller may change.

    Where the contract has JSON text (FunctionDefinition.parameters), the value is an orjson.Fragment; unknown members
    are plain values. dumps writes both.
    """
    return _to_object(message_class, nulls)


@functools.cache
def _encoder(message_class: type[Message], nulls: bool) -> Callable[[Message], bytes]:
    write = _to_object(message_class, nulls)

    def encode(message: Message) -> bytes:
        members = write(message)
        try:
            return orjson.dumps(members)
        except TypeError:
            return dumps(members)

    return encode


@functools.cache
def _to_object(message_class: type[Message], nulls: bool) -> Callable[[Message], JsonObject]:
    return _Writers(nulls=nulls).of(descriptor_of(message_class))


class _Writers:
    """The functions that write the messages of one tree, each compiled once, also where a message holds itself."""

    def __init__(self, *, nulls: bool) -> None:
        self._nulls = nulls
        self._made: dict[Descriptor, _Write] = {}

    def of(self, descriptor: Descriptor) -> _Write:
        if descriptor not in self._made:
            # What a message that holds itself calls until its own function is there; hence no shorter form.
            self._made[descriptor] = lambda message: self._made[descriptor](message)  # noqa: PLW0108
            self._made[descriptor] = self._compile(plan_of(descriptor))
        return self._made[descriptor]

    def _compile(self, plan: MessagePlan) -> _Write:
        converts = {field.name: self._convert(field) for field in plan.fields}
        if plan.tag and plan.union:
            return _tagged(plan, plan.tag, plan.union, _listing(plan, converts, merging=False))
        absent = _absent(plan) if self._nulls else {}
        plain = sum(not field.presence and not field.repeated for field in plan.fields)
        numbers = [field.descriptor.number for field in plan.fields]
        # protobuf lists fields by their numbers, while members stand in the order of the .proto.
        listable = numbers == sorted(numbers) and all(value is None for value in absent.values())
        if not listable or plain * 2 > len(plan.fields) or len(plan.fields) <= _FEW:
            writes = {field.name: self.of(field.message) for field in plan.fields if _is_list_of_messages(field)}
            return _asking(plan, converts, writes, absent)
        if absent:
            return _listing_with_nulls(plan, converts, tuple(absent))
        return _listing(plan, converts, merging=True)

    def _convert(self, field: FieldPlan) -> _Convert:
        if field.map_value:
            return _map_of(self._convert(field.map_value))
        if field.kind is Kind.MESSAGE:
            return self._convert_message(field, plan_of(field.message))
        convert = _CONVERTS.get(field.kind)
        return _list_of(convert) if field.repeated else convert

    def _convert_message(self, field: FieldPlan, plan: MessagePlan) -> _Convert:
        write = self.of(plan.descriptor)
        if not field.repeated:
            return _or_scalar(plan, plan.scalar, write) if plan.scalar and plan.written_as_scalar else write
        if plan.scalar and field.single_as_scalar:
            return _messages_or_scalar(plan, plan.scalar, write)
        return lambda messages: [write(message) for message in messages[:]]


def _is_list_of_messages(field: FieldPlan) -> bool:
    """Whether a field's JSON form is always a list of objects."""
    return field.kind is Kind.MESSAGE and field.repeated and not field.map_value and not field.single_as_scalar


def _absent(plan: MessagePlan) -> dict[str, JsonValue]:
    """What stands for the fields that answers have also where they are absent."""
    absent: dict[str, JsonValue] = {field.name: None for field in plan.fields if field.null_when_absent}
    return absent | {field.name: [] for field in plan.fields if field.empty_when_absent}


def _listing(plan: MessagePlan, converts: Mapping[str, _Convert], *, merging: bool) -> _Write:
    """Writes a message by the fields that it lists; without `merging`, the unknown ones are left as their text."""
    list_fields = _list_fields(plan)
    rows = {field: (field.name, converts.get(field.name)) for field in plan.descriptor.fields}
    unknown_members = plan.unknown_members.name if plan.unknown_members and merging else ""

    def write(message: Message) -> JsonObject:
        members: JsonObject = {}
        for field, value in list_fields(message):
            name, convert = rows[field]
            members[name] = value if convert is None else convert(value)
        if unknown_members in members:
            _merge(members, unknown_members, members.pop(unknown_members))
        return members

    return write


def _listing_with_nulls(plan: MessagePlan, converts: Mapping[str, _Convert], nulls: Sequence[str]) -> _Write:
    """As _listing, for a message that has null where some fields are absent."""
    list_fields = _list_fields(plan)
    unknown_members = plan.unknown_members.name if plan.unknown_members else ""
    # The last: what is null if it has not been there when the field is.
    rows: dict[FieldDescriptor, tuple[str, _Convert, tuple[str, ...]]] = {}
    earlier: tuple[str, ...] = ()
    for field in plan.descriptor.fields:
        rows[field] = field.name, converts.get(field.name), earlier
        if field.name in nulls:
            earlier += (field.name,)

    def write(message: Message) -> JsonObject:
        members: JsonObject = {}
        for field, value in list_fields(message):
            name, convert, before = rows[field]
            for null in before:
                members.setdefault(null)
            members[name] = value if convert is None else convert(value)
        for null in nulls:
            if null not in members:
                members[null] = None
        if unknown_members in members:
            _merge(members, unknown_members, members.pop(unknown_members))
        return members

    return write


def _asking(
    plan: MessagePlan,
    converts: Mapping[str, _Convert],
    writes: Mapping[str, _Write],
    absent: Mapping[str, JsonValue],
) -> _Write:
    """Writes a message by asking for each field, in code made for it; `writes` are for lists of messages."""
    lines = ["def write(message):", "    members = {}"]
    for field in plan.fields:
        name = field.name
        value = "value" if converts[name] is None else f"convert_{name}(value)"
        if name in writes:
            # A slice is a list; going through the container itself takes three times as long. Most have one element.
            value = f"[write_{name}(value[0])] if len(value) == 1 else [write_{name}(item) for item in value[:]]"
        if field.presence:
            lines += [f"    if has(message, {name!r}):", f"        value = message.{name}"]
        else:
            lines += [f"    if value := message.{name}:"]
        lines += [f"        members[{name!r}] = {value}"]
        if name in absent:
            lines += ["    else:", f"        members[{name!r}] = {absent[name]!r}"]
    if plan.unknown_members:
        name = plan.unknown_members.name
        lines += [f"    if value := message.{name}:", f"        merge(members, {name!r}, value)"]
    lines += ["    return members"]
    # Through the class: to look a method up on a message takes longer than to call it.
    namespace: dict[str, Any] = {"has": GetMessageClass(plan.descriptor).HasField, "merge": _merge}
    namespace |= {f"convert_{name}": convert for name, convert in converts.items()}
    namespace |= {f"write_{name}": write for name, write in writes.items()}
    exec("\n".join(lines), namespace)  # noqa: S102  # made of the contract's own names
    return cast("_Write", namespace["write"])


def _tagged(plan: MessagePlan, tag: str, union: str, write_fields: _Write) -> _Write:
    """Writes a message whose union has a tag, given the function that writes its fields."""
    which = GetMessageClass(plan.descriptor).WhichOneof
    variant = plan.unknown_variant.name if plan.unknown_variant else ""
    unknown_members = plan.unknown_members.name if plan.unknown_members else ""

    def write(message: Message) -> JsonObject:
        fields = write_fields(message)
        unknown = fields.pop(unknown_members, None)
        case = which(message, union)
        if case is None:
            members = fields
        elif case == variant:
            members = {**_object(variant, fields.pop(variant)), **fields}
        else:
            members = {tag: case, **fields}
        if unknown is not None:
            _merge(members, unknown_members, unknown)
        return members

    return write


def _merge(members: JsonObject, name: str, text: JsonValue) -> None:
    """Adds the unknown members that the field `name` holds; those that are there already win."""
    for member, value in _object(name, text).items():
        members.setdefault(member, value)


def _object(name: str, text: JsonValue) -> JsonObject:
    try:
        return parse_object(cast("str", text))
    except DecodeError as error:
        raise error.under(name) from None


def _or_scalar(
    plan: MessagePlan, scalar: FieldPlan, otherwise: Callable[[Any], JsonValue]
) -> Callable[[Message], JsonValue]:
    """Writes a message in which nothing but its scalar is set as that scalar."""
    list_fields, descriptor = _list_fields(plan), scalar.descriptor

    def convert(message: Message) -> JsonValue:
        fields = list_fields(message)
        return fields[0][1] if len(fields) == 1 and fields[0][0] is descriptor else otherwise(message)

    return convert


def _messages_or_scalar(plan: MessagePlan, scalar: FieldPlan, write: _Write) -> _Convert:
    """Writes a list of messages; one alone, in which nothing but its scalar is set, as that scalar."""
    list_fields, descriptor = _list_fields(plan), scalar.descriptor

    def convert(messages: Sequence[Message]) -> JsonValue:
        if len(messages) != 1:
            return [write(message) for message in messages[:]]
        message = messages[0]
        fields = list_fields(message)
        return fields[0][1] if len(fields) == 1 and fields[0][0] is descriptor else [write(message)]

    return convert


def _list_of(convert: _Convert) -> _Convert:
    return list if convert is None else lambda values: [convert(value) for value in values]


def _map_of(convert: _Convert) -> _Convert:
    return dict if convert is None else lambda values: {name: convert(value) for name, value in values.items()}


def _number(value: float) -> JsonValue:
    if value.is_integer():
        return int(value) if -_WHOLE_NUMBERS < value < _WHOLE_NUMBERS else value
    return value if math.isfinite(value) else None


def _free(text: str) -> JsonValue:
    return orjson.Fragment(text) if text else None


_CONVERTS: Final[Mapping[Kind, _Convert]] = {Kind.NUMBER: _number, Kind.BYTES: list, Kind.FREE: _free}


def _list_fields(plan: MessagePlan) -> _ListFields:
    return GetMessageClass(plan.descriptor).ListFields
