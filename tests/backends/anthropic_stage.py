"""What the tests of Anthropic's dialect share: targets, and the ways in and out."""

import dataclasses
import json
from typing import Any

from parley.chat.v1.completion_pb2 import Completion, CompletionChunk, CompletionRequest

from service.backends.anthropic import AnthropicDialect
from service.backends.dialect import HttpCall, Target
from service.backends.run import expanded
from service.codec import decoder, to_object
from service.config import Timeouts
from service.pipeline.fold import Fold
from service.pipeline.normalize import Normalizer
from tests.backends.anthropic_cases import HI, Json
from tests.conformance.anthropic import block, end, start, stream, text
from tests.conformance.scenario import Answer

read_request = decoder(CompletionRequest)
completion_of = to_object(Completion, nulls=False)

TARGET = Target(
    vendor="anthropic",
    deployment="",
    model="claude-opus-5",
    dialect=AnthropicDialect(),
    base_url="https://v/v1",
    timeouts=Timeouts(),
    credential="sk-secret",
    headers={"x-team": "a"},
)
VERTEX = dataclasses.replace(TARGET, dialect=AnthropicDialect(vertex=True), region="us-east5", project="p")


def encode(fields: Json, target: Target = TARGET, *, stream: bool = False) -> HttpCall:
    asked: Any = {"model": "v/m", "messages": HI, "max_tokens": 9, **fields}
    request = read_request(asked)
    return target.dialect.encode(request, target, stream=stream)


def sent(fields: Json, target: Target = TARGET, *, stream: bool = False) -> Json:
    return json.loads(encode(fields, target, stream=stream).body)


def on(model: str, target: Target = TARGET) -> Target:
    return dataclasses.replace(target, model=model)


def folded(chunks: list[CompletionChunk]) -> Completion:
    normalizer, fold = Normalizer("v/m"), Fold()
    fold.batch(normalizer.batch(chunks))
    if last := normalizer.last():
        fold.add(last)
    return fold.result()


def read(answer: Answer, *, asked: bool | None = None, request: CompletionRequest | None = None) -> Completion:
    stream = answer.stream if asked is None else asked
    decode = TARGET.dialect.decoder(
        request or CompletionRequest(), TARGET, stream=stream, content_type=answer.content_type
    )
    chunks = expanded(decode.feed(answer.body))
    while batch := decode.close():
        chunks += expanded(batch)
    return folded(chunks)


def completion(answer: Answer) -> Json:
    whole: Json = completion_of(read(answer))
    return whole


SEARCH: Json = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}}
FOUND: Json = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}
PAGE: Json = {
    "type": "web_search_result_location",
    "url": "https://x/y",
    "title": "Y",
    "cited_text": "yes",
    "encrypted_index": "E",
}
PLACE: Json = {
    "type": "char_location",
    "cited_text": "no",
    "document_index": 0,
    "document_title": "D",
    "start_char_index": 3,
    "end_char_index": 5,
}
CITED = stream(
    start(),
    *block(0, SEARCH, {"type": "input_json_delta", "partial_json": '{"query":"q"}'}),
    *block(1, FOUND),
    *text(2, "So ✓ "),
    *block(
        3,
        {"type": "text", "text": "", "citations": []},
        {"type": "text_delta", "text": "yes"},
        {"type": "citations_delta", "citation": PAGE},
        {"type": "citations_delta", "citation": PLACE},
    ),
    *end("pause_turn", server_tool_use={"web_search_requests": 1, "web_fetch_requests": 0}),
)
