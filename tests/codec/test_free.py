from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from parley.chat.v1 import completion_pb2, message_pb2, tool_pb2

from service.codec import DecodeError, decoder, encoder, parse_object, validate_raw_json

if TYPE_CHECKING:
    from google.protobuf.message import Message

Request = completion_pb2.CompletionRequest
Said = message_pb2.Message
Part = message_pb2.ContentPart

SCHEMA = (
    '{"type":"object","properties":{"zeta":{"type":"integer","maximum":18446744073709551616},'
    '"alpha":{"const":1.0},"a":{"enum":[1e-07,-0.5,"é",null,true]}},"required":[],"$defs":{}}'
)


def test_schemas_keep_their_order_and_their_numbers() -> None:
    text = (
        f'{{"tools":[{{"type":"function","function":{{"name":"f","parameters":{SCHEMA}}}}}],"guided_json":{SCHEMA},'
        f'"chat_template_kwargs":{SCHEMA},"inference_extra_params":{SCHEMA},'
        f'"response_format":{{"type":"json_schema","json_schema":{{"name":"n","schema":{SCHEMA}}}}}}}'
    )
    request = decoder(Request)(parse_object(text.encode()))
    for kept in (
        request.tools[0].function.parameters,
        request.guided_json,
        request.chat_template_kwargs,
        request.inference_extra_params,
        request.response_format.json_schema.schema,
    ):
        assert kept.replace("1e-7", "1e-07") == SCHEMA
    written = json.loads(encoder(Request, nulls=False)(request), object_pairs_hook=list)
    assert dict(written) == dict(json.loads(text, object_pairs_hook=list))


def test_a_string_with_json_is_kept_to_the_letter() -> None:
    schema = ' { "b" : 1.0 ,\n "a" : [ ] }'
    request = decoder(Request)({"guided_json": schema})
    assert request.guided_json == schema


VALID: tuple[Message, ...] = (
    Request(),
    Request(model="m", messages=[Said(content=[Part(text="a"), Part(other=' { "type" : "x" } ')])]),
    Request(extra_fields="{}", guided_json=SCHEMA, chat_template_kwargs='{"a":' + "[" * 253 + "]" * 253 + "}"),
    completion_pb2.JsonSchemaFormat(schema="true"),
    completion_pb2.JsonSchemaFormat(schema='"["'),
    tool_pb2.FunctionCall(arguments="{not json"),
    Request(logit_bias={"1": 1}, metadata={"a": "{"}),
)


@pytest.mark.parametrize("message", VALID)
def test_valid(message: Message) -> None:
    validate_raw_json(message)


INVALID: tuple[tuple[Message, str], ...] = (
    (Request(guided_json="{"), "guided_json: not valid JSON at line 1, column 2: unexpected end of data"),
    (Request(guided_json=""), "guided_json: expected JSON, got nothing"),
    (Request(guided_json="[]"), "guided_json: expected the text of an object, got a list"),
    (Request(chat_template_kwargs="null"), "chat_template_kwargs: expected the text of an object, got null"),
    (Request(inference_extra_params='"{}"'), "inference_extra_params: expected the text of an object, got a string"),
    (Request(extra_fields="1"), "extra_fields: expected the text of an object, got a number"),
    (Request(extra_fields='{"temperature":9}'), "extra_fields.temperature: is a field of the message, set that"),
    (
        Request(messages=[Said(), Said(extra_fields='{"reasoning":"a"}')]),
        "messages[1].extra_fields.reasoning: is a field of the message, set that",
    ),
    (
        Request(messages=[Said(content=[Part(text="a", extra_fields='{"type":"x"}')])]),
        "messages[0].content[0].extra_fields.type: is a field of the message, set that",
    ),
    (
        Request(messages=[Said(content=[Part(text="a"), Part(other="[]")])]),
        "messages[0].content[1].other: expected the text of an object, got a list",
    ),
    (
        Request(tools=[tool_pb2.Tool(function=tool_pb2.FunctionDefinition(parameters='{"a":NaN}'))]),
        "tools[0].function.parameters: not valid JSON at line 1, column 6: unexpected character, expected a JSON value",
    ),
    (
        Request(response_format={"json_schema": {"schema": "[" * 255 + "]" * 255}}),
        "response_format.json_schema.schema: nested more than 254 levels deep",
    ),
    (
        completion_pb2.TokenLogprob(top_logprobs=[{"token": "a"}, {"extra_fields": "x"}]),
        "top_logprobs[1].extra_fields: not valid JSON at line 1, column 1: unexpected character, expected a JSON value",
    ),
)


@pytest.mark.parametrize(("message", "problem"), INVALID)
def test_invalid(message: Message, problem: str) -> None:
    with pytest.raises(DecodeError) as caught:
        validate_raw_json(message)
    assert str(caught.value) == problem


def test_what_is_read_from_json_is_valid() -> None:
    text = (
        '{"zzz": [1], "messages": [{"content": [{"type": "x"}], "a": {}}], "guided_json": {"a": 18446744073709551616}}'
    )
    validate_raw_json(decoder(Request)(parse_object(text.encode())))
