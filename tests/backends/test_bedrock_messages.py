import re
from typing import Any

import pytest
from parley.chat.v1.completion_pb2 import CompletionRequest
from parley.chat.v1.message_pb2 import ContentPart, Message

from service.errors import Kind
from tests.backends import botocore_judge as judge
from tests.backends.bedrock_requests import CALLS, CLAUDE, HI, PNG, RESULTS, SPEC, WEATHER, refused, sent
from tests.conformance.bedrock import BEDROCK, ROLE, call, delta, end, metadata, stop, thought
from tests.conformance.scenario import Answer
from tests.conformance.test_conformance import decoded, folded


def test_turns_alternate_and_results_stand_in_one() -> None:
    messages = [
        {"role": "system", "content": "a"},
        HI,
        {"role": "developer", "content": "b"},
        {"role": "user", "content": ["again", {"type": "text", "text": " "}]},
        CALLS,
        *RESULTS,
        {"role": "user", "content": "and?"},
        {"role": "assistant", "content": ""},
        {"role": "user", "content": "well?"},
    ]
    body = sent({"messages": messages, "tools": [WEATHER]})
    assert body["system"] == [{"text": "a"}, {"text": "b"}]
    # Another vendor's id, in characters that Bedrock takes.
    other = body["messages"][1]["content"][2]["toolUse"]["toolUseId"]
    assert re.fullmatch(r"[a-zA-Z0-9_.:-]{1,64}", other)
    assert body["messages"] == [
        {"role": "user", "content": [{"text": "hi"}, {"text": "again"}]},
        {
            "role": "assistant",
            "content": [
                {"text": "Let me look."},
                {"toolUse": {"toolUseId": "call_1", "name": "get_weather", "input": {"a": "Paris"}}},
                {"toolUse": {"toolUseId": other, "name": "get_time", "input": {}}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"toolResult": {"toolUseId": "call_1", "content": [{"text": "18 C"}]}},
                {"toolResult": {"toolUseId": other, "content": [], "status": "error"}},
                {"text": "and?"},
                {"text": "well?"},
            ],
        },
    ]
    assert body["toolConfig"] == {"tools": [SPEC]}


def test_marks_of_the_cache_follow_what_they_end() -> None:
    mark = {"type": "ephemeral"}
    hour = {**mark, "ttl": "1h"}
    body = sent(
        {
            "messages": [
                {"role": "system", "content": [{"type": "text", "text": "s", "cache_control": hour}]},
                {"role": "user", "content": [{"type": "text", "text": "u"}], "cache_control": mark},
                CALLS,
                {
                    "role": "tool",
                    "tool_call_id": "call_1",
                    "content": [{"type": "text", "text": "r", "cache_control": mark}],
                },
                RESULTS[1],
            ],
            "tools": [{**WEATHER, "cache_control": mark}],
        }
    )
    point, long_point = {"cachePoint": {"type": "default"}}, {"cachePoint": {"type": "default", "ttl": "1h"}}
    assert body["system"] == [{"text": "s"}, long_point]
    assert body["messages"][0]["content"] == [{"text": "u"}, point]
    assert body["messages"][2]["content"][1] == point
    assert body["toolConfig"]["tools"] == [SPEC, point]


@pytest.mark.parametrize(
    ("part", "block"),
    [
        (
            {"type": "image_url", "image_url": {"url": f"data:image/jpg;base64,{PNG}"}},
            {"image": {"format": "jpeg", "source": {"bytes": PNG}}},
        ),
        ({"type": "image_url", "image_url": {"url": PNG}}, {"image": {"format": "png", "source": {"bytes": PNG}}}),
        (
            {"type": "image_data", "image_data": {"data": PNG, "media_type": "image/webp"}},
            {"image": {"format": "webp", "source": {"bytes": PNG}}},
        ),
        (
            {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}},
            {"audio": {"format": "mp3", "source": {"bytes": "AAAA"}}},
        ),
        (
            {
                "type": "file",
                "file": {"filename": "Q1_report (final).pdf", "file_data": "data:application/pdf;base64,AAAA"},
            },
            {"document": {"format": "pdf", "name": "Q1 report (final)", "source": {"bytes": "AAAA"}}},
        ),
        (
            {"type": "file", "file": {"filename": "a.md", "file_data": "AAAA"}},
            {"document": {"format": "md", "name": "a", "source": {"bytes": "AAAA"}}},
        ),
    ],
)
def test_media(part: dict[str, Any], block: dict[str, Any]) -> None:
    body = sent({"messages": [{"role": "user", "content": [{"type": "text", "text": "see"}, part]}]})
    assert body["messages"][0]["content"] == [{"text": "see"}, block]


def test_each_document_has_a_name_of_its_own() -> None:
    part = {"type": "file", "file": {"filename": "a.txt", "file_data": "AAAA"}}
    body = sent({"messages": [{"role": "user", "content": [part, part, {"type": "text", "text": "see"}]}]})
    assert [block["document"]["name"] for block in body["messages"][0]["content"][:2]] == ["a", "a 2"]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"temperature": 1.5}, "temperature"),
        ({"response_format": {"type": "json_object"}}, "response_format.type"),
        ({"response_format": {"type": "json_schema", "json_schema": {"name": "n"}}}, "response_format.json_schema.schema"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
        ({"tools": [WEATHER], "tool_choice": {"type": "allowed_tools", "allowed_tools": {}}}, "tool_choice.type"),
        ({"tools": [{**WEATHER, "eager": True}]}, "tools[0].eager"),
        ({"messages": [{**HI, "weight": 1}]}, "messages[0].weight"),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "a", "citations": 1}]}]}, "messages[0].content[0].citations"),
        ({"messages": [{"role": "user", "content": " "}]}, "messages"),
        ({"messages": [HI, {**CALLS, "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": "{"}}]}]}, "messages[1].tool_calls[0].function.arguments"),
        ({"messages": [HI, {"role": "assistant", "content": "a", "thinking_blocks": [{"type": "x"}]}]}, "messages[1].thinking_blocks"),
        *(({"messages": [{"role": "user", "content": [part]}]}, f"messages[0].content[0].{path}") for part, path in (
            ({"type": "image_url", "image_url": {"url": "https://a.b/c.png"}}, "image_url.url"),
            ({"type": "image_url", "image_url": {"url": "data:image/png,abc"}}, "image_url.url"),
            ({"type": "image_url", "image_url": {"url": "data:image/tiff;base64,AAAA"}}, "image_url.url"),
            ({"type": "image_data", "image_data": {"data": "AAAA"}}, "image_data.data"),
            ({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "midi"}}, "input_audio.format"),
            ({"type": "file", "file": {"file_id": "file-1"}}, "file.file_id"),
            ({"type": "file", "file": {"filename": "a.exe", "file_data": "AAAA"}}, "file"),
        )),
    ],
)  # fmt: skip
def test_what_has_no_form_is_refused_with_its_path(body: dict[str, Any], path: str) -> None:
    error = refused(body)
    assert error.param == path
    assert error.kind in {Kind.UNSUPPORTED, Kind.INVALID_VALUE}
    assert error.message.startswith(f"{path}: ")


def test_signed_reasoning_comes_back_as_it_went_out() -> None:
    data = b"".join(
        [
            ROLE,
            delta(3, reasoningContent={"text": ""}),
            *thought(0, "Let me ", "think.", signature="c2ln"),
            delta(1, reasoningContent={"redactedContent": "c2VjcmV0"}),
            stop(1),
            *call(2, "tooluse_1", "{}"),
            end("tool_use"),
            metadata(1, 1),
        ]
    )
    assert len(list(judge.events(data))) == 13
    message = folded(decoded(BEDROCK, Answer(data, ""), [data])).choices[0].message
    assert message.reasoning_content == "Let me think."
    back = [Message(role="user", content=[ContentPart(text="hi")]), message]
    result = Message(role="tool", tool_call_id="tooluse_1", content=[ContentPart(text="r")])
    request = CompletionRequest(model="v/m", messages=[*back, result])
    body = judge.accept(CLAUDE.dialect.encode(request, CLAUDE, stream=False))
    assert body["messages"][1]["content"] == [
        {"reasoningContent": {"reasoningText": {"text": "Let me think.", "signature": "c2ln"}}},
        {"reasoningContent": {"redactedContent": "c2VjcmV0"}},
        {"toolUse": {"toolUseId": "tooluse_1", "name": "get_weather", "input": {}}},
    ]
