"""Hypothesis strategies of messages and documents, made from the descriptors as the contract has them."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, cast

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message_factory import GetMessageClass
from hypothesis import strategies as st
from parley.chat.v1 import json_pb2

from service.codec import JsonObject, JsonValue, dumps

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor
    from google.protobuf.message import Message

Raw = json_pb2.RawJson

# Beyond 64 bits, too: free JSON keeps them.
integers = st.integers() | st.integers(min_value=-(2**80), max_value=2**80)
# Without the sign of zero: it is written as 0.
doubles = st.floats(allow_nan=False, allow_infinity=False).map(lambda number: number + 0.0)
# Short, as the space of messages is large.
json_values: st.SearchStrategy[JsonValue] = st.recursive(
    st.none() | st.booleans() | integers | doubles | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
json_objects: st.SearchStrategy[JsonObject] = st.dictionaries(st.text(max_size=8), json_values, max_size=3)
no_members: st.SearchStrategy[JsonObject] = st.dictionaries(st.text(), json_values, max_size=0)


def messages(message_class: type[Message]) -> st.SearchStrategy[Message]:
    """Messages of a class that have a JSON form which reads back as the same message."""
    return _messages(cast("Descriptor", message_class.DESCRIPTOR), 0)


def documents(message_class: type[Message]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects that look like a message's: its members, others, values of the right kind and of any other."""
    return _documents(cast("Descriptor", message_class.DESCRIPTOR), 0)


def options(field: FieldDescriptor) -> json_pb2.JsonField:
    return cast("Any", field.GetOptions()).Extensions[json_pb2.json]


def message_options(descriptor: Descriptor) -> json_pb2.JsonMessage:
    return cast("Any", descriptor.GetOptions()).Extensions[json_pb2.json_message]


def known_names(descriptor: Descriptor) -> set[str]:
    form = message_options(descriptor)
    aliases = {alias for field in descriptor.fields for alias in options(field).aliases}
    return {field.name for field in descriptor.fields} | aliases | {form.tag, form.also_in}


def compact(value: JsonValue) -> str:
    return dumps(value).decode()


def is_map(field: FieldDescriptor) -> bool:
    return bool(field.message_type and field.message_type.GetOptions().map_entry)


@functools.cache
def _messages(descriptor: Descriptor, depth: int) -> st.SearchStrategy[Message]:
    tag = message_options(descriptor).tag
    plain = [field for field in descriptor.fields if not tag or not field.containing_oneof]
    cases = [field for field in descriptor.fields if tag and field.containing_oneof]

    @st.composite
    def build(draw: st.DrawFn) -> Message:
        message = GetMessageClass(descriptor)()
        case = draw(st.sampled_from(cases)) if cases else None
        chosen = draw(st.lists(st.sampled_from(plain), unique=True, max_size=5)) if plain else []
        if case and options(case).raw == Raw.RAW_JSON_UNKNOWN_VARIANT:
            chosen = []
        for field in [*chosen, *([case] if case else [])]:
            _assign(message, field, draw(_values(field, depth)))
        return message

    return build()


def _assign(message: Message, field: FieldDescriptor, value: Any) -> None:
    if is_map(field):
        getattr(message, field.name).update(value)
    elif field.is_repeated:
        getattr(message, field.name).extend(value)
    elif field.message_type:
        getattr(message, field.name).CopyFrom(value)
        getattr(message, field.name).SetInParent()
    else:
        setattr(message, field.name, value)


@functools.cache
def _values(field: FieldDescriptor, depth: int) -> st.SearchStrategy[Any]:
    if is_map(field):
        entry = cast("Descriptor", field.message_type)
        return st.dictionaries(st.text(max_size=8), _scalars(entry.fields_by_name["value"]), max_size=3)
    if field.message_type and depth > 4:
        return st.just([]) if field.is_repeated else st.builds(GetMessageClass(field.message_type))
    element = st.deferred(lambda: _messages(field.message_type, depth + 1)) if field.message_type else _scalars(field)
    return st.lists(element, max_size=3) if field.is_repeated else element


def _scalars(field: FieldDescriptor) -> st.SearchStrategy[Any]:
    raw = options(field).raw
    known = known_names(cast("Descriptor", field.containing_type))
    match field.cpp_type:
        case FieldDescriptor.CPPTYPE_STRING if raw == Raw.RAW_JSON_VALUE:
            return json_values.filter(lambda value: value is not None).map(compact)
        case FieldDescriptor.CPPTYPE_STRING if raw == Raw.RAW_JSON_UNKNOWN_VARIANT:
            return json_objects.map(lambda members: compact({**members, "type": "of another kind"}))
        case FieldDescriptor.CPPTYPE_STRING if raw == Raw.RAW_JSON_UNKNOWN_MEMBERS:
            return json_objects.map(lambda members: {n: v for n, v in members.items() if n not in known}).map(
                lambda members: compact(members) if members else ""
            )
        case FieldDescriptor.CPPTYPE_STRING if raw:
            return json_objects.map(compact)
        case FieldDescriptor.CPPTYPE_STRING if field.type == FieldDescriptor.TYPE_BYTES:
            return st.binary(max_size=4)
        case FieldDescriptor.CPPTYPE_STRING:
            return st.text(max_size=8)
        case FieldDescriptor.CPPTYPE_BOOL:
            return st.booleans()
        case FieldDescriptor.CPPTYPE_INT32:
            return st.integers(min_value=-(2**31), max_value=2**31 - 1)
        case FieldDescriptor.CPPTYPE_UINT32:
            return st.integers(min_value=0, max_value=2**32 - 1)
        case FieldDescriptor.CPPTYPE_INT64:
            return st.integers(min_value=-(2**63), max_value=2**63 - 1)
        case FieldDescriptor.CPPTYPE_DOUBLE:
            return doubles
        case _:
            raise NotImplementedError(field.full_name)


@functools.cache
def _documents(descriptor: Descriptor, depth: int) -> st.SearchStrategy[dict[str, Any]]:
    form = message_options(descriptor)
    members = {field.name: _members(field, depth) | json_values for field in descriptor.fields}
    members |= {alias: json_values for field in descriptor.fields for alias in options(field).aliases}
    if form.tag:
        members[form.tag] = st.sampled_from([field.name for field in descriptor.fields]) | json_values
    if form.also_in:
        members[form.also_in] = st.deferred(lambda: _documents(descriptor, depth + 1)) | json_values
    known = st.lists(st.sampled_from(sorted(members)), max_size=4, unique=True) if members else st.just([])
    typed = known.flatmap(lambda names: st.fixed_dictionaries({name: members[name] for name in names}))
    return st.tuples(typed, no_members | json_objects).map(lambda parts: {**parts[0], **parts[1]})


def _members(field: FieldDescriptor, depth: int) -> st.SearchStrategy[Any]:
    if is_map(field) or not field.message_type or depth > 4:
        return st.text(max_size=4) | st.lists(st.text(max_size=4), max_size=2) | json_objects | doubles | integers
    nested = st.deferred(lambda: _documents(field.message_type, depth + 1))
    return nested | st.lists(nested | st.text(max_size=4), max_size=3)
