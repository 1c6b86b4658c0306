"""JSON → messages: one function per message, compiled once from its plan.

Closures in a table by member name: a member that a document does not have costs nothing, and one that the message
does not know is found on the way.
"""

from __future__ import annotations

import difflib
import functools
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar, cast

from google.protobuf.message import Message

from service.codec.error import DecodeError, mismatch
from service.codec.plan import FieldPlan, Kind, MessagePlan, descriptor_of, plan_of
from service.codec.scalar import Read, Scalar, reader
from service.codec.text import JsonObject, JsonValue, free_text

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

M = TypeVar("M", bound=Message)

# Reads the members of an object into a message.
_Fill: TypeAlias = Callable[[JsonObject, Message], None]
# Reads one member, which is not null, into its field. None: protobuf itself checks what is assigned.
_Set: TypeAlias = Callable[[Message, JsonValue], None]
_Setters: TypeAlias = "dict[str, _Set | None]"

# Elements of one list of messages: far beyond any conversation, and what keeps a large body from holding up the event
# loop for seconds.
_MAX_ELEMENTS: Final = 100_000
# A longer name is no misspelling, and comparing takes time with the square of its length.
_LONGEST_MISSPELT: Final = 64


def decoder(message_class: type[M]) -> Callable[[JsonObject], M]:
    """Compiles the function that reads a message of this class from its JSON object.

    The function raises DecodeError for what the message has no place for. Null is as good as absent. Whether all that
    is required is there, and values are within their documented ranges, is not its business. Compiled once per class.
    """
    return cast("Callable[[JsonObject], M]", _decoder(message_class))


@functools.cache
def _decoder(message_class: type[Message]) -> Callable[[JsonObject], Message]:
    fill = _message(descriptor_of(message_class))

    def decode(members: JsonObject) -> Message:
        message = message_class()
        fill(members, message)
        return message

    return decode


def _message(descriptor: Descriptor) -> _Fill:
    """The function that fills a message of a type; no message of the contract holds its own type."""
    plan = plan_of(descriptor)
    setters: _Setters = {field.name: _field(field) for field in plan.fields}
    setters |= {alias: _alias(field) for field in plan.fields for alias in field.aliases}
    if plan.tag:
        return _tagged(plan, plan.tag, setters)
    if plan.also_in:
        return _also_in(plan, plan.also_in, setters)
    return _members(plan, setters)


def _members(plan: MessagePlan, setters: _Setters) -> _Fill:
    """Fills a message member by member."""
    readers = {field.name: reader(field) for field in plan.fields if setters[field.name] is None}
    unknown_members = plan.unknown_members.name if plan.unknown_members else None
    setter_of = setters.get

    def fill(members: JsonObject, message: Message) -> None:
        unknown: JsonObject = {}
        name = ""
        try:
            for name, value in members.items():
                setter = setter_of(name, _unknown)
                if setter is _unknown:
                    if unknown_members is None:
                        raise _misspelt(name, setters)
                    unknown[name] = value
                elif value is None:
                    continue
                elif setter is not None:
                    setter(message, value)
                else:
                    try:
                        setattr(message, name, value)
                    except (TypeError, ValueError):
                        # 3.0 is an integer to JSON and none to protobuf; anything else is an error that says why.
                        setattr(message, name, readers[name](value))
        except DecodeError as error:
            raise error.under(name) from None
        if unknown and unknown_members is not None:
            setattr(message, unknown_members, _free_members(unknown))

    return fill


def _unknown(message: Message, value: JsonValue) -> None:
    """Stands for the setter of a member that the message does not know; never called."""
    raise NotImplementedError


def _misspelt(name: str, known: _Setters) -> DecodeError:
    close = difflib.get_close_matches(name, known, n=1) if len(name) <= _LONGEST_MISSPELT else []
    return DecodeError("", f'unknown member; did you mean "{close[0]}"?' if close else "unknown member")


def _free_members(members: JsonObject) -> bytes:
    try:
        return free_text(members)
    except DecodeError:
        for name, value in members.items():
            try:
                free_text(value)
            except DecodeError as error:
                raise error.under(name) from None
        raise


def _tagged(plan: MessagePlan, tag: str, setters: _Setters) -> _Fill:
    """Fills a message whose union has a tag, which names the member that is set."""
    cases, variant = plan.cases, plan.unknown_variant
    fill_members = _members(plan, {**setters, tag: _ignore})
    choices = " or ".join(f'"{case}"' for case in cases)

    def fill(members: JsonObject, message: Message) -> None:
        case = members.get(tag)
        present = [name for name in cases if members.get(name) is not None]
        if case is None:
            if len(present) != 1:
                raise DecodeError(tag, f"required: {choices}")
        elif not isinstance(case, str):
            raise mismatch("a string", case).under(tag)
        elif case not in cases:
            if variant is None:
                raise DecodeError(tag, f"expected {choices}")
            setattr(message, variant.name, _free_members(members))
            return
        elif case not in present:
            raise DecodeError(case, f'required, as {tag} is "{case}"')
        elif len(present) > 1:
            other = next(name for name in present if name != case)
            raise DecodeError(other, f'not allowed, as {tag} is "{case}"')
        fill_members(members, message)

    return fill


def _also_in(plan: MessagePlan, wrapper: str, setters: _Setters) -> _Fill:
    """Fills a message whose members may also stand in the object `wrapper`, after which its own members win."""
    fill_inner = _members(plan, setters)
    fill_outer = _members(plan, {**setters, wrapper: _ignore})

    def fill(members: JsonObject, message: Message) -> None:
        inner = members.get(wrapper)
        if isinstance(inner, dict):
            try:
                fill_inner(inner, message)
            except DecodeError as error:
                raise error.under(wrapper) from None
        elif inner is not None:
            raise mismatch("an object", inner).under(wrapper)
        fill_outer(members, message)

    return fill


def _ignore(message: Message, value: JsonValue) -> None:
    """Sets nothing: the member was read before the others."""


def _field(field: FieldPlan) -> _Set | None:
    if field.map_value:
        return _map(field, field.map_value)
    if field.kind is Kind.MESSAGE:
        fill = _message(field.message)
        scalar = plan_of(field.message).scalar
        return _messages(field, fill, scalar) if field.repeated else _submessage(field, fill, scalar)
    if field.repeated:
        return _scalars(field)
    if field.kind in (Kind.STRING, Kind.INTEGER):
        return None
    name, read = field.name, reader(field)
    return lambda message, value: setattr(message, name, read(value))


def _alias(field: FieldPlan) -> _Set:
    """Reads another name of a field, unless the field was read by its own."""
    name, read = field.name, reader(field)

    def set_alias(message: Message, value: JsonValue) -> None:
        scalar = read(value)
        if not message.HasField(name):
            setattr(message, name, scalar)

    return set_alias


def _element(fill: _Fill, scalar: FieldPlan | None, expected: str) -> _Set:
    """Reads one value into a message of its own, which the value may also be the short form of."""
    read_scalar = reader(scalar) if scalar else None
    scalar_name = scalar.name if scalar else ""

    def set_element(message: Message, value: JsonValue) -> None:
        if isinstance(value, dict):
            fill(value, message)
        elif read_scalar and isinstance(value, str):
            setattr(message, scalar_name, read_scalar(value))
        else:
            raise mismatch(expected, value)

    return set_element


def _submessage(field: FieldPlan, fill: _Fill, scalar: FieldPlan | None) -> _Set:
    name = field.name
    set_element = _element(fill, scalar, "a string or an object" if scalar else "an object")

    def set_message(message: Message, value: JsonValue) -> None:
        nested: Message = getattr(message, name)
        nested.SetInParent()  # {} is a message too
        set_element(nested, value)

    return set_message


def _messages(field: FieldPlan, fill: _Fill, scalar: FieldPlan | None) -> _Set:
    name, one_or_many = field.name, field.one_or_many
    set_element = _element(fill, scalar, "a string or an object" if scalar else "an object")
    set_only = _element(fill, scalar, "a string, an object or a list" if scalar else "an object or a list")

    def set_messages(message: Message, value: JsonValue) -> None:
        add = getattr(message, name).add
        if isinstance(value, list):
            if len(value) > _MAX_ELEMENTS:
                raise DecodeError("", f"expected at most {_MAX_ELEMENTS} elements, got {len(value)}")
            for index, item in enumerate(value):
                try:
                    set_element(add(), item)
                except DecodeError as error:
                    raise error.under(index) from None
        elif one_or_many:
            set_only(add(), value)
        else:
            raise mismatch("a list", value)

    return set_messages


def _scalars(field: FieldPlan) -> _Set:
    name, read = field.name, reader(field)
    single = field.one_or_many and field.kind is Kind.STRING

    def set_scalars(message: Message, value: JsonValue) -> None:
        extend = getattr(message, name).extend
        if isinstance(value, list):
            extend(_each(enumerate(value), read))
        elif single and isinstance(value, str):
            extend([read(value)])
        else:
            raise mismatch("a string or a list" if single else "a list", value)

    return set_scalars


def _map(field: FieldPlan, values: FieldPlan) -> _Set:
    name, read = field.name, reader(values)

    def set_map(message: Message, value: JsonValue) -> None:
        if not isinstance(value, dict):
            raise mismatch("an object", value)
        getattr(message, name).update(zip(value, _each(value.items(), read), strict=True))

    return set_map


def _each(items: Iterable[tuple[str | int, JsonValue]], read: Read) -> list[Scalar]:
    """Reads every value of a list or an object, each under its index or name."""
    scalars: list[Scalar] = []
    for step, value in items:
        try:
            scalars.append(read(value))
        except DecodeError as error:
            raise error.under(step) from None
    return scalars
