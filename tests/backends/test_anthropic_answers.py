"""What becomes of Anthropic's answers, beside what the conformance table asks of all."""

import json

import pytest
from parley.chat.v1.completion_pb2 import CompletionRequest

from service.backends.run import expanded
from service.errors import ApiError, Kind
from tests.backends.anthropic_cases import HI, THOUGHT, Json
from tests.backends.anthropic_stage import CITED, FOUND, PAGE, PLACE, SEARCH, TARGET, completion, read, sent
from tests.conformance.anthropic import ANTHROPIC, PING, block, end, event, start, stream, text
from tests.conformance.scenario import Answer


def test_thoughts_come_with_what_the_next_turn_needs() -> None:
    answer = ANTHROPIC.reasoning
    assert isinstance(answer, Answer)
    message = completion(answer)["choices"][0]["message"]
    assert message["reasoning_content"] == "Let me think."
    assert message["thinking_blocks"] == [
        {"type": "thinking", "thinking": "Let me think.", "signature": "EqoBCkgIARABGAIiQL"},
        {"type": "redacted_thinking", "data": "EmwKAhgBEgy3"},
    ]
    returned = sent({"messages": [*HI, message, *HI]})["messages"][1]["content"]
    assert returned[:2] == message["thinking_blocks"]
    assert THOUGHT.keys() == returned[0].keys()


def test_sources_are_annotations_and_a_paused_turn_can_go_on() -> None:
    answer = completion(CITED)
    (choice,) = answer["choices"]
    assert choice["message"]["content"] == "So ✓ yes"
    assert choice["message"]["annotations"] == [
        {
            "type": "url_citation",
            "url_citation": {
                "start_index": 5,
                "end_index": 8,
                "title": "Y",
                "url": "https://x/y",
                "cited_text": "yes",
                "encrypted_index": "E",
            },
        },
        PLACE,
    ]
    assert (choice["finish_reason"], choice["native_finish_reason"]) == ("pause_turn", "pause_turn")
    assert answer["usage"]["server_tool_use"] == {"web_search_requests": 1, "web_fetch_requests": 0}
    returned = sent({"messages": [*HI, choice["message"]]})["messages"][1]["content"]
    assert returned == [
        {**SEARCH, "input": {"query": "q"}},
        FOUND,
        {"type": "text", "text": "So ✓ "},
        {"type": "text", "text": "yes", "citations": [PAGE, PLACE]},
    ]


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("refusal", "content_filter"),
        ("pause_turn", "pause_turn"),
    ],
)
def test_stop_reasons(reason: str, finish: str) -> None:
    (choice,) = completion(stream(start(), *text(0, "a"), *end(reason)))["choices"]
    assert (choice["finish_reason"], choice["native_finish_reason"]) == (finish, reason)


def test_a_refusal_says_why() -> None:
    details = {"type": "refusal", "category": "cyber", "explanation": "It may harm."}
    delta = {"stop_reason": "refusal", "stop_sequence": None, "stop_details": details}
    stop = event("message_delta", delta=delta, usage={"output_tokens": 1})
    (choice,) = completion(stream(start(), *text(0, "a"), stop, end()[-1]))["choices"]
    assert choice["message"]["refusal"] == "It may harm."
    assert choice["stop_details"] == details


def test_the_stop_sequence_is_named_and_put_back_where_it_is_wanted() -> None:
    stop = event(
        "message_delta", delta={"stop_reason": "stop_sequence", "stop_sequence": "###"}, usage={"output_tokens": 1}
    )
    answer = stream(start(), *text(0, "a"), stop, end()[-1])
    (choice,) = completion(answer)["choices"]
    assert (choice["message"]["content"], choice["stop_sequence"]) == ("a", "###")
    whole = read(answer, request=CompletionRequest(include_stop_str_in_output=True))
    assert "".join(part.text for part in whole.choices[0].message.content) == "a###"


def test_a_call_without_input_has_empty_arguments() -> None:
    begun: Json = {"type": "tool_use", "id": "t", "name": "f", "input": {}}
    answer = stream(start(), *block(0, begun, {"type": "input_json_delta", "partial_json": ""}), *end("tool_use"))
    (tool_call,) = completion(answer)["choices"][0]["message"]["tool_calls"]
    assert tool_call["function"] == {"name": "f", "arguments": "{}"}


def test_whoever_called_comes_back_with_the_call() -> None:
    caller = {"type": "code_execution_20260120", "tool_id": "srvtoolu_1"}
    begun = {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}, "caller": caller}
    message = completion(stream(start(), *block(0, begun), *end("tool_use")))["choices"][0]["message"]
    (tool_call,) = message["tool_calls"]
    assert tool_call["extra_content"] == {"anthropic": {"caller": caller}}
    assert sent({"messages": [*HI, message]})["messages"][1]["content"] == [begun]


def test_pings_and_the_start_are_no_tokens() -> None:
    decode = TARGET.dialect.decoder(CompletionRequest(), TARGET, stream=True, content_type="text/event-stream")
    assert decode.feed(PING) == []
    (first,) = expanded(decode.feed(start() + PING))
    assert first.choices[0].delta.role == "assistant"
    assert not first.choices[0].delta.HasField("content")
    assert first.usage.prompt_tokens == 12


@pytest.mark.parametrize(
    "events",
    [
        text(0, "before the start"),
        (start(), event("content_block_delta", index=1, delta={"type": "text_delta", "text": "x"})),
        (start(), event("content_block_stop", index=0)),
        (start(), event("message_stop")),
        (start(), event("content_block_start", index=0, content_block={"type": "tool_use", "name": "f"})),
        (event("message_start", message={"usage": {}}),),
        (start(-1),),
        (start(2**30),),
        (b"data: {}\n\n",),
        (b"data: []\n\n",),
    ],
)
def test_what_has_no_place_in_an_answer_is_malformed(events: tuple[bytes, ...]) -> None:
    with pytest.raises(ApiError) as caught:
        completion(stream(*events, event("message_stop")))
    assert caught.value.kind is Kind.BAD_UPSTREAM


def test_an_answer_in_the_other_form_is_read_too() -> None:
    for answer, asked in ((ANTHROPIC.text, False), (ANTHROPIC.text_unary, True)):
        assert read(answer, asked=asked).choices[0].finish_reason == "stop"


def test_errors_tell_the_request_id_and_that_there_is_no_credit() -> None:
    error = {"type": "invalid_request_error", "message": "Your credit balance is too low to access the API."}
    body = json.dumps({"type": "error", "error": error, "request_id": "req_1"}).encode()
    told = TARGET.dialect.error(TARGET, 400, {}, body)
    assert told.kind is Kind.NO_QUOTA
    assert told.upstream is not None
    assert told.upstream.request_id == "req_1"
