"""Judges requests and answers by Cohere's own client: JSON cases on stdin, one verdict for each on stdout."""

# The client is in this lane's environment alone, where no type checker looks.
# pyright: reportMissingImports=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportCallIssue=false, reportUnknownParameterType=false
# pyright: reportAttributeAccessIssue=false, reportOptionalMemberAccess=false

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Iterable
from typing import Any, get_args

import httpx
import pydantic
from cohere import ClientV2, ToolV2
from cohere.core.api_error import ApiError
from cohere.types import ChatMessageV2, ResponseFormatV2

from tests.sdk.verdicts import judge_all

Json = dict[str, Any]
SAID: Json = {
    "id": "x",
    "finish_reason": "COMPLETE",
    "message": {"role": "assistant", "content": [{"type": "text", "text": "hi"}]},
}
MESSAGES = {shape.model_fields["role"].default: shape for shape in get_args(get_args(ChatMessageV2)[0])}
FORMATS = {shape.model_fields["type"].default: shape for shape in get_args(get_args(ResponseFormatV2)[0])}


def client(answer: httpx.Response, sent: list[httpx.Request]) -> Any:
    """Cohere's client, with a vendor that gives one answer."""

    def answered(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return answer

    transport = httpx.Client(transport=httpx.MockTransport(answered))
    return ClientV2(api_key="k", base_url="http://vendor", httpx_client=transport, max_retries=0)


def judge_request(case: Json) -> Json:
    """What the client sends when it is told to ask for the same, and what its types do not know."""
    body: Json = case["body"]
    sent: list[httpx.Request] = []
    told = {name: value for name, value in body.items() if name != "stream"}
    if body["stream"]:
        answer = httpx.Response(200, headers={"content-type": "text/event-stream"}, content=b"")
        list(client(answer, sent).chat_stream(**told))
    else:
        client(httpx.Response(200, json=SAID), sent).chat(**told)
    shaped = [MESSAGES[message["role"]].model_validate(message) for message in body["messages"]]
    shaped += [ToolV2.model_validate(tool) for tool in body.get("tools", ())]
    if form := body.get("response_format"):
        shaped.append(FORMATS[form["type"]].model_validate(form))
    unknown = [name for shape in shaped for name in extras(shape)]
    return {"sent": json.loads(sent[0].content), "path": sent[0].url.path, "unknown": unknown}


def extras(value: Any) -> Iterable[str]:
    """Names of members that a value's type does not have."""
    if isinstance(value, pydantic.BaseModel):
        # The tag of a union is no field where the SDK reads it without one.
        yield from (name for name in value.model_extra or () if name not in {"role", "type"})
        for name in type(value).model_fields:
            yield from extras(getattr(value, name))
    elif isinstance(value, list):
        for item in value:
            yield from extras(item)


def judge_answer(case: Json) -> Json:
    """What the client makes of an answer."""
    headers = {**case["headers"], "content-type": case["content_type"]}
    answer = httpx.Response(case["status"], headers=headers, content=base64.b64decode(case["body"]))
    vendor = client(answer, [])
    asked: Json = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
    try:
        if case["stream"]:
            return read_stream(vendor.chat_stream(**asked))
        return read_whole(vendor.chat(**asked))
    except ApiError as error:
        return {"raised": type(error).__name__, "status": error.status_code}


def read_whole(answer: Any) -> Json:
    """An answer, as far as it is compared."""
    message = answer.message
    return {
        "id": answer.id,
        "text": "".join(part.text for part in message.content or () if part.type == "text"),
        "thinking": "".join(part.thinking for part in message.content or () if part.type == "thinking")
        + (message.tool_plan or ""),
        "calls": [[call.id, call.function.name, call.function.arguments] for call in message.tool_calls or ()],
        "citations": len(message.citations or ()),
        "finish_reason": answer.finish_reason,
        "tokens": [answer.usage.tokens.input_tokens, answer.usage.tokens.output_tokens],
        "cached": answer.usage.cached_tokens,
    }


def read_stream(events: Iterable[Any]) -> Json:
    """The same, of a stream."""
    said: Json = {"id": None, "text": "", "thinking": "", "calls": [], "citations": 0}
    for event in events:
        message = getattr(getattr(event, "delta", None), "message", None)
        match event.type:
            case "message-start":
                said["id"] = event.id
            case "content-start" | "content-delta":
                said["text"] += message.content.text or ""
                said["thinking"] += message.content.thinking or ""
            case "tool-plan-delta":
                said["thinking"] += message.tool_plan
            case "tool-call-start":
                call = message.tool_calls
                said["calls"].append([call.id, call.function.name, call.function.arguments])
            case "tool-call-delta":
                said["calls"][-1][2] += message.tool_calls.function.arguments
            case "citation-start":
                said["citations"] += 1
            case "message-end":
                usage = event.delta.usage
                said["finish_reason"] = event.delta.finish_reason
                said["tokens"] = [usage.tokens.input_tokens, usage.tokens.output_tokens]
                said["cached"] = usage.cached_tokens
            case _:
                pass
    return said


if __name__ == "__main__":
    logging.disable()
    judge_all({"request": judge_request, "answer": judge_answer})
