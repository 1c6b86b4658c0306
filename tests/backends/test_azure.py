import json
from dataclasses import replace
from typing import Any

import httpx2
import openai
import pytest
from parley.chat.v1.completion_pb2 import CompletionChunk, CompletionRequest
from parley.chat.v1.message_pb2 import ContentPart, Message

from service.backends.run import expanded
from service.errors import ApiError, Kind
from service.pipeline.fold import Fold
from service.pipeline.normalize import Normalizer
from tests.conformance.azure import AHEAD, AZURE, PROMPT_VERDICT, VERDICT, filtered
from tests.conformance.openai import DONE, ROLE, USAGE
from tests.conformance.scenario import TEXT, Answer

Json = dict[str, Any]
TARGET = AZURE.target
HI: Json = {"role": "user", "content": "hi"}
POLICY = (
    "The response was filtered due to the prompt triggering Azure OpenAI's content management policy. "
    "Please modify your prompt and retry."
)
FILTERED: Json = {
    "error": {
        "message": POLICY,
        "type": None,
        "param": "prompt",
        "code": "content_filter",
        "status": 400,
        "innererror": {
            "code": "ResponsibleAIPolicyViolation",
            "content_filter_result": {
                "hate": {"filtered": False, "severity": "safe"},
                "jailbreak": {"filtered": True, "detected": True},
                "violence": {"filtered": True, "severity": "medium"},
            },
        },
    }
}


def request() -> CompletionRequest:
    return CompletionRequest(model="azure/m", messages=[Message(role="user", content=[ContentPart(text="hi")])])


def read(answer: Answer) -> list[CompletionChunk]:
    decode = TARGET.dialect.decoder(request(), TARGET, stream=answer.stream, content_type=answer.content_type)
    chunks = expanded(decode.feed(answer.body))
    while not decode.done and (batch := decode.close()):
        chunks += expanded(batch)
    return chunks


@pytest.mark.parametrize(
    ("base_url", "version", "path"),
    [
        ("", "2024-10-21", "/openai/deployments/my%20deployment/chat/completions?api-version=2024-10-21"),
        (
            "",
            "2025-04-01-preview",
            "/openai/deployments/my%20deployment/chat/completions?api-version=2025-04-01-preview",
        ),
        ("", "v1", "/openai/v1/chat/completions"),
        ("", "preview", "/openai/v1/chat/completions?api-version=preview"),
        ("/openai/v1", "2024-10-21", "/chat/completions"),
    ],
)
def test_the_address_holds_deployment_and_version(base_url: str, version: str, path: str) -> None:
    target = replace(TARGET, base_url=TARGET.base_url + base_url, version=version)
    call = target.dialect.encode(request(), target, stream=False)
    assert call.path == path
    assert json.loads(call.body) == {"model": "my deployment", "messages": [HI], "stream": False}


def client(answer: Answer, sent: list[httpx2.Request]) -> openai.AzureOpenAI:
    def answered(asked: httpx2.Request) -> httpx2.Response:
        sent.append(asked)
        return httpx2.Response(200, headers={"content-type": answer.content_type}, content=answer.body)

    return openai.AzureOpenAI(
        api_key="k",
        azure_endpoint=TARGET.base_url,
        api_version=TARGET.version,
        http_client=httpx2.Client(transport=httpx2.MockTransport(answered)),
    )


def test_openais_own_client_sends_the_same() -> None:
    sent: list[httpx2.Request] = []
    with client(AZURE.text_unary, sent) as vendor:
        vendor.chat.completions.create(model=TARGET.model, messages=[{"role": "user", "content": "hi"}])
    call = TARGET.dialect.encode(request(), TARGET, stream=False)
    assert sent[0].url.raw_path.decode().replace("my deployment", "my%20deployment") == call.path
    assert {**json.loads(sent[0].content), "stream": False} == json.loads(call.body)


def test_the_verdict_on_the_prompt_stands_by_the_first_choice() -> None:
    chunks = read(AZURE.text)
    assert all(chunk.choices for chunk in chunks if not chunk.HasField("usage"))
    verdicts = [json.loads(chunk.extra_fields).get("prompt_filter_results") for chunk in chunks if chunk.extra_fields]
    assert verdicts == [PROMPT_VERDICT]
    with client(AZURE.text, []) as vendor:
        stream = vendor.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}], stream=True)
        theirs = [chunk for chunk in stream if chunk.choices]
    assert "".join(chunk.choices[0].delta.content or "" for chunk in theirs) == TEXT


def test_both_verdicts_are_in_the_whole_answer() -> None:
    fold = Fold()
    fold.batch(Normalizer("azure/m").batch(read(AZURE.text_unary)))
    completion = fold.result()
    assert json.loads(completion.extra_fields)["prompt_filter_results"] == PROMPT_VERDICT
    assert json.loads(completion.choices[0].extra_fields)["content_filter_results"] == VERDICT


def test_each_choice_of_a_stream_keeps_its_verdict() -> None:
    pieces = [choice for chunk in read(AZURE.text) for choice in chunk.choices if choice.delta.content]
    assert pieces
    assert all(json.loads(piece.extra_fields)["content_filter_results"] == VERDICT for piece in pieces)


def test_usage_ahead_of_any_choice_is_not_lost() -> None:
    ahead = b"data: " + json.dumps(AHEAD).encode() + b"\n\n"
    chunks = read(Answer(ahead + USAGE + ROLE + DONE, "text/event-stream"))
    assert [chunk.HasField("usage") for chunk in chunks] == [True, False]
    assert "prompt_filter_results" in chunks[1].extra_fields


def test_an_answer_that_the_filter_ends_says_why() -> None:
    last = read(filtered())[-1].choices[0]
    assert last.finish_reason == "content_filter"
    assert json.loads(last.extra_fields)["content_filter_results"]["violence"]["severity"] == "medium"


def test_a_filtered_prompt_says_what_was_found() -> None:
    error = TARGET.dialect.error(TARGET, 400, {}, json.dumps(FILTERED).encode())
    assert error.kind is Kind.CONTENT_FILTER
    assert error.param == "prompt"
    assert error.message == f"azure: {POLICY} (jailbreak: detected, violence: medium)"


def test_a_filter_that_strikes_in_mid_stream_is_no_servers_error() -> None:
    body = ROLE + b"data: " + json.dumps(FILTERED).encode() + b"\n\n"
    decode = TARGET.dialect.decoder(request(), TARGET, stream=True, content_type="text/event-stream")
    decode.feed(body)
    with pytest.raises(ApiError) as caught:
        decode.close()
    assert caught.value.kind is Kind.CONTENT_FILTER
    assert caught.value.upstream is not None
    assert caught.value.upstream.status == 400
