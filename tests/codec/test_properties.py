from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from parley.chat.v1 import completion_pb2, model_service_pb2

from service.codec import DecodeError, decoder, dumps, encoder, parse_object, to_object, validate_raw_json
from tests.codec.strategies import documents, json_values, messages

if TYPE_CHECKING:
    from google.protobuf.message import Message

CLASSES = (
    completion_pb2.CompletionRequest,
    completion_pb2.Completion,
    completion_pb2.CompletionChunk,
    model_service_pb2.ListModelDefinitionsResponse,
)
thorough = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    max_examples=300,
)


@pytest.mark.parametrize("nulls", [False, True])
@pytest.mark.parametrize("message_class", CLASSES)
@given(data=st.data())
@thorough
def test_what_is_written_reads_back_as_the_same_message(
    message_class: type[Message], nulls: bool, data: st.DataObject
) -> None:
    message = data.draw(messages(message_class))
    text = encoder(message_class, nulls=nulls)(message)
    json.loads(text)  # another parser finds it well-formed, too
    assert decoder(message_class)(parse_object(text)) == message
    assert dumps(to_object(message_class, nulls=nulls)(message)) == text
    validate_raw_json(message)


@pytest.mark.parametrize("message_class", CLASSES)
@given(data=st.data())
@thorough
def test_a_document_is_read_or_refused_with_a_place(message_class: type[Message], data: st.DataObject) -> None:
    document = data.draw(documents(message_class))
    text = json.dumps(document).encode()
    try:
        message = decoder(message_class)(parse_object(text))
    except DecodeError as error:
        refusal = error
    else:
        validate_raw_json(message)
        written = encoder(message_class, nulls=True)(message)
        assert decoder(message_class)(parse_object(written)) == message
        return
    assert refusal.problem
    assert refusal.path.split(".")[0].split("[")[0] in {*document, ""}


@given(st.binary() | json_values.map(lambda value: json.dumps(value).encode()))
@thorough
def test_bytes_are_an_object_or_refused(data: bytes) -> None:
    try:
        members = parse_object(data)
    except DecodeError:
        return
    assert members == json.loads(data)


@given(st.dictionaries(st.text(), json_values))
@thorough
def test_an_object_keeps_its_order_and_its_numbers(members: dict[str, Any]) -> None:
    text = json.dumps(members, separators=(",", ":"), ensure_ascii=False).encode()
    parsed = parse_object(text)
    assert list(parsed) == list(members)
    assert json.loads(dumps(parsed)) == members
    assert parsed == members
