"""Judges requests and answers by Anthropic's own client: JSON cases on stdin, one verdict for each on stdout."""

# The client is in this lane's environment alone, where no type checker looks.
# pyright: reportMissingImports=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportCallIssue=false

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import httpx2
import pydantic
from anthropic import Anthropic, AnthropicVertex, APIStatusError
from anthropic.types.message_create_params import MessageCreateParamsNonStreaming, MessageCreateParamsStreaming

from tests.sdk.verdicts import judge_all

# The client of version 2026-10-21 knows these no longer; those who send them speak an older version.
OLDER = ("temperature", "top_p", "top_k")
ASKED: dict[str, Any] = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
SAID: dict[str, Any] = {
    "id": "m",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 1, "output_tokens": 1},
}
Json = dict[str, Any]
# Lists are validated only as they are read, by an adapter that has to live that long.
SHAPES = tuple(
    pydantic.TypeAdapter[Any](shape) for shape in (MessageCreateParamsNonStreaming, MessageCreateParamsStreaming)
)


def client(answer: httpx2.Response, sent: list[httpx2.Request], place: Mapping[str, str] | None = None) -> Any:
    """Anthropic's client, or that of Vertex AI, with a vendor that gives one answer."""

    def answered(request: httpx2.Request) -> httpx2.Response:
        sent.append(request)
        return answer

    options: Json = {
        "max_retries": 0,
        "http_client": httpx2.Client(transport=httpx2.MockTransport(answered)),
        "_strict_response_validation": True,
    }
    if place:
        return AnthropicVertex(access_token="t", region=place["region"], project_id=place["project"], **options)
    return Anthropic(api_key="k", base_url="http://vendor", **options)


def judge_request(case: Json) -> Json:
    """What the client sends when it is told to ask for the same, and what its types say."""
    body: Json = case["body"]
    older = {name: value for name, value in body.items() if name in OLDER}
    newer = {name: value for name, value in body.items() if name not in OLDER}
    place: Json | None = case.get("vertex")
    if place:
        newer.pop("anthropic_version")
        newer["model"] = place["model"]
    sent: list[httpx2.Request] = []
    streams = newer.get("stream") is True
    answer = (
        httpx2.Response(200, headers={"content-type": "text/event-stream"})
        if streams
        else httpx2.Response(200, json=SAID)
    )
    # A limit that would take longer than ten minutes is refused by the client unless it has a time limit of its own.
    client(answer, sent, place).messages.create(**newer, extra_body=older or None, timeout=1)
    known = whole(SHAPES[streams].validate_python(newer))
    url = sent[0].url
    return {"sent": json.loads(sent[0].content), "path": url.raw_path.decode(), "known": known, "newer": newer}


def whole(value: Any) -> Any:
    """A validated value; what its type does not know is no longer in it, and lists are validated as they are read."""
    if isinstance(value, Mapping):
        return {name: whole(item) for name, item in value.items()}
    if isinstance(value, str | bytes | int | float | None):
        return value
    return [whole(item) for item in value]


def judge_answer(case: Json) -> Json:
    """What the client makes of an answer."""
    answer = httpx2.Response(
        case["status"],
        headers={**case["headers"], "content-type": case["content_type"]},
        content=base64.b64decode(case["body"]),
    )
    vendor = client(answer, [])
    try:
        if case["stream"]:
            with vendor.messages.stream(**ASKED) as stream:
                message = stream.get_final_message()
        else:
            message = vendor.messages.create(**ASKED)
    except APIStatusError as error:
        return {"raised": type(error).__name__}
    return {"message": message.model_dump(mode="json", exclude_none=True)}


if __name__ == "__main__":
    judge_all({"request": judge_request, "answer": judge_answer})
