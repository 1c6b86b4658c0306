"""Judges requests and answers by Mistral's own client: JSON cases on stdin, one verdict for each on stdout."""

# The client is in this lane's environment alone, where no type checker looks.
# pyright: reportMissingImports=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportCallIssue=false, reportUnknownParameterType=false

from __future__ import annotations

import base64
import json
from typing import Any

import httpx2
from mistralai.client import Mistral

from tests.sdk.verdicts import judge_all

Json = dict[str, Any]
SAID: Json = {
    "id": "x",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}


def client(answer: httpx2.Response, sent: list[httpx2.Request]) -> Any:
    """Mistral's client, with a vendor that gives one answer."""

    def answered(request: httpx2.Request) -> httpx2.Response:
        sent.append(request)
        return answer

    transport = httpx2.Client(transport=httpx2.MockTransport(answered))
    return Mistral(api_key="k", server_url="http://vendor", client=transport)


def judge_request(case: Json) -> Json:
    """What the client sends when it is told to ask for the same."""
    sent: list[httpx2.Request] = []
    told = {name: value for name, value in case["body"].items() if name != "stream"}
    client(httpx2.Response(200, json=SAID), sent).chat.complete(**told)
    return {"sent": json.loads(sent[0].content), "path": sent[0].url.path}


def judge_answer(case: Json) -> Json:
    """What the client makes of an answer."""
    headers = {"content-type": case["content_type"]}
    answer = httpx2.Response(200, headers=headers, content=base64.b64decode(case["body"]))
    asked: Json = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
    chat = client(answer, []).chat
    if case["stream"]:
        return {"events": [event.data.model_dump(mode="json") for event in chat.stream(**asked)]}
    return {"events": [chat.complete(**asked).model_dump(mode="json")]}


if __name__ == "__main__":
    judge_all({"request": judge_request, "answer": judge_answer})
