"""xAI's own client as the judge of what we send over gRPC, and of what we take for its answers."""

import base64
import functools
import json
from dataclasses import replace
from typing import Any

import pytest
from parley.chat.v1.completion_pb2 import CompletionRequest
from parley.chat.v1.message_pb2 import ContentPart, Message

from service.backends.fields import Refused
from service.backends.grpc_frames import FrameParser, message_frame, metadata_frame
from service.backends.run import expanded
from service.backends.xai_grpc import wire_pb2 as wire
from service.errors import ApiError, Kind
from service.pipeline.fold import Fold
from service.pipeline.normalize import Normalizer
from tests.backends.xai_cases import CASES, HI, Case
from tests.conformance.scenario import ANSWERS, REFUSALS, Answer, Refusal
from tests.conformance.xai_grpc import BEGIN, OK, STAMP, XAI_GRPC, chunk, stream
from tests.sdk.judge import Json, judged

TARGET = XAI_GRPC.target
STREAMS = (False, True)


def answered(answer: Answer | Refusal, *, streams: bool) -> Json:
    body = answer.body if isinstance(answer, Answer) else b""
    messages = [frame.payload for frame in FrameParser().feed(body) if not frame.is_metadata]
    headers = (answer.headers or {}) if isinstance(answer, Refusal) else {}
    return {
        "kind": "answer",
        "messages": [base64.b64encode(each).decode() for each in messages],
        "stream": streams,
        "code": int(headers.get("grpc-status", 0)),
        "text": headers.get("grpc-message", ""),
    }


_UNREADABLE = frozenset(("malformed", "error_mid_stream", "future_finish"))
"""What its own client ends with an exception on."""

GOOD = {
    name: answer
    for name in ANSWERS
    if isinstance(answer := getattr(XAI_GRPC, name), Answer) and name not in _UNREADABLE
}
REFUSED: dict[str, Refusal] = {name: getattr(XAI_GRPC, name) for name in REFUSALS}


@functools.cache
def verdicts() -> dict[str, Json]:
    """All cases and their verdicts, in one go."""
    cases: dict[str, Json] = {
        f"{case.id} {streams}": {
            "kind": "request",
            "ours": base64.b64encode(TARGET.dialect.encode(case.request, TARGET, stream=streams).body).decode(),
            "stream": streams,
            "settings": {"model": TARGET.model, **case.settings},
            "messages": case.messages or HI,
        }
        for case in CASES
        for streams in STREAMS
    }
    cases |= {name: answered(answer, streams=answer.stream) for name, answer in GOOD.items()}
    cases |= {name: answered(refusal, streams=True) for name, refusal in REFUSED.items()}
    return dict(zip(cases, judged("xai", cases.values()), strict=True))


@pytest.mark.parametrize("streams", STREAMS, ids=["whole", "stream"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_request_is_what_its_own_client_sends(case: Case, *, streams: bool) -> None:
    verdict = verdicts()[f"{case.id} {streams}"]
    for parsed in (verdict["ours"], verdict["sent"]):
        for tool in parsed.get("tools", ()):
            # The client writes a schema with spaces, we as the caller wrote it.
            tool["function"]["parameters"] = json.loads(tool["function"]["parameters"])
    assert verdict["ours"] == verdict["sent"]
    assert verdict["all known"]
    assert verdict["path"] == TARGET.dialect.encode(case.request, TARGET, stream=streams).path
    assert verdict["authorization"] == "Bearer k"


def completion(answer: Answer) -> Any:
    decode = TARGET.dialect.decoder(CompletionRequest(), TARGET, stream=answer.stream, content_type="")
    normalizer, fold = Normalizer("v/m"), Fold()
    for piece in expanded(normalizer.batch(decode.feed(answer.body))):
        fold.add(piece)
    if last := normalizer.last():
        fold.add(last)
    return fold.result()


@pytest.mark.parametrize("name", GOOD)
def test_an_answer_is_what_its_own_client_reads(name: str) -> None:
    verdict, ours = verdicts()[name], completion(GOOD[name])
    (choice,) = ours.choices
    message = choice.message
    assert verdict["id"] == ours.id == STAMP["id"]
    assert verdict["content"] == "".join(part.text for part in message.content)
    assert verdict["reasoning"] == message.reasoning_content
    assert verdict["calls"] == [[c.id, c.function.name, c.function.arguments] for c in message.tool_calls]
    prompt, plain, reasoning, total = verdict["usage"]
    assert (ours.usage.prompt_tokens, ours.usage.total_tokens) == (prompt, total)
    assert ours.usage.completion_tokens == plain + reasoning
    assert verdict["known finish"]


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_is_one_to_its_own_client(name: str) -> None:
    headers = REFUSED[name].headers or {}
    assert verdicts()[name] == {"code": int(headers["grpc-status"]), "text": headers["grpc-message"]}


UNSAYABLE: tuple[tuple[Json, str], ...] = (
    ({"seed": 2**31}, "seed"),
    ({"reasoning_effort": "minimal"}, "reasoning_effort"),
    ({"response_format": {"type": "grammar"}}, "response_format.type"),
    ({"tools": [{"type": "mcp", "server_url": "https://x"}]}, "tools[0].type"),
    ({"inference_extra_params": {"no_such_field": 1}}, "inference_extra_params"),
    ({"inference_extra_params": {"max_tokens": "many"}}, "inference_extra_params"),
)


@pytest.mark.parametrize(("ours", "param"), UNSAYABLE, ids=[param for _, param in UNSAYABLE])
def test_what_has_no_form_there_is_refused_by_name(ours: Json, param: str) -> None:
    with pytest.raises(ApiError) as caught:
        TARGET.dialect.encode(Case("x", ours).request, TARGET, stream=True)
    assert (caught.value.kind.value.http, caught.value.param) == (400, param)


@pytest.mark.parametrize("data", ["!", "data:text/plain,hi"])
def test_a_file_that_is_no_base64_is_refused(data: str) -> None:
    request = CompletionRequest(messages=[Message(role="user", content=[ContentPart(file={"file_data": data})])])
    with pytest.raises(ApiError) as caught:
        TARGET.dialect.encode(request, TARGET, stream=True)
    assert caught.value.param == "messages[0].content[0].file.file_data"


def test_models_that_reason_refuse_penalties() -> None:
    assert isinstance(TARGET.fields["presence_penalty"], Refused)
    plain = replace(TARGET, model="grok-4-fast-non-reasoning")
    assert not isinstance(plain.fields["presence_penalty"], Refused)


def test_what_the_vendors_own_tools_did_is_no_call_of_ours() -> None:
    own = wire.ToolCall(id="ws_1", type=2, function=wire.FunctionCall(name="web_search", arguments="{}"))
    result = wire.Chunk(outputs=[wire.OutputChunk(delta=wire.Delta(role=5, content="found"), index=0)], **STAMP)
    ours = completion(stream(chunk(tool_calls=[own]), result.SerializeToString(), chunk(content="It rains."), chunk(3)))
    (choice,) = ours.choices
    assert not choice.message.tool_calls
    assert [part.text for part in choice.message.content] == ["It rains."]


def test_sources_are_annotations_once() -> None:
    cited = wire.Citation(start_index=1, end_index=4, web_citation=wire.Page(url="https://a"))
    last = wire.Chunk(citations=["https://a", "https://b"], **STAMP)
    ours = completion(stream(chunk(content="text", citations=[cited]), chunk(3), last.SerializeToString()))
    annotations = ours.choices[0].message.annotations
    assert [a.url_citation.url for a in annotations] == ["https://a", "https://b"]
    assert (annotations[0].url_citation.start_index, annotations[0].url_citation.end_index) == (1, 4)


def test_sealed_reasoning_comes_out_as_the_next_turn_wants_it() -> None:
    ours = completion(stream(chunk(content="a", encrypted_content="c2VhbGVk"), chunk(3)))
    message = ours.choices[0].message
    request = CompletionRequest(model="x", messages=[message])
    sent = wire.Request.FromString(TARGET.dialect.encode(request, TARGET, stream=False).body)
    assert sent.messages[0].encrypted_content == "c2VhbGVk"


def test_several_answers_are_complete_only_together() -> None:
    two = [wire.OutputChunk(delta=wire.Delta(role=2, content=str(n)), index=n) for n in (0, 1)]
    both = message_frame(wire.Chunk(outputs=two, **STAMP).SerializeToString())
    ends = [
        message_frame(wire.Chunk(outputs=[wire.OutputChunk(finish_reason=3, index=n)], **STAMP).SerializeToString())
        for n in (0, 1)
    ]
    whole = completion(Answer(BEGIN + both + ends[0] + ends[1] + OK, ""))
    assert [choice.message.content[0].text for choice in whole.choices] == ["0", "1"]
    decode = TARGET.dialect.decoder(CompletionRequest(), TARGET, stream=True, content_type="")
    decode.feed(BEGIN + both + ends[0])
    with pytest.raises(ApiError) as caught:
        decode.feed(OK)
    assert caught.value.kind is Kind.STREAM_CUT


def test_whose_key_it_was_is_not_told() -> None:
    text = (
        "Content violates usage guidelines. Team: team-1, API key ID: id-1, Model: grok-4, "
        "Failed check: SAFETY_CHECK_TYPE_BIO"
    )
    error = TARGET.dialect.error(TARGET, 403, {"grpc-status": "7", "grpc-message": text}, b"")
    assert error.kind is Kind.CONTENT_FILTER
    assert error.message == (
        "xai_grpc: Content violates usage guidelines. Model: grok-4, Failed check: SAFETY_CHECK_TYPE_BIO"
    )


@pytest.mark.parametrize(("code", "text", "kind"), [
    (7, "Your team has either used all available credits or reached its monthly spending limit.", Kind.NO_QUOTA),
    (3, "Content violates usage guidelines.", Kind.CONTENT_FILTER),
    (3, "Failed to start sampling: [input_too_large] Current message exceeds budget", Kind.CONTEXT_LENGTH),
    (16, "no key", Kind.UPSTREAM_AUTH),
    (4, "late", Kind.UPSTREAM_TIMEOUT),
])  # fmt: skip
def test_words_tell_apart_what_codes_do_not(code: int, text: str, kind: Kind) -> None:
    headers = {"grpc-status": str(code), "grpc-message": text}
    assert TARGET.dialect.error(TARGET, 0, headers, b"").kind is kind
    decode = TARGET.dialect.decoder(CompletionRequest(), TARGET, stream=True, content_type="")
    decode.feed(message_frame(chunk(content="a")))
    with pytest.raises(ApiError) as caught:
        decode.feed(metadata_frame(headers))
    assert caught.value.kind is kind
