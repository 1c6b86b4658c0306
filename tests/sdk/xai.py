"""Judges requests and answers by xAI's own client: JSON cases on stdin, one verdict for each on stdout."""

# The client is in this lane's environment alone, where no type checker looks.
# pyright: reportMissingImports=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false, reportUnknownLambdaType=false
# pyright: reportMissingModuleSource=false, reportUntypedBaseClass=false, reportAttributeAccessIssue=false

from __future__ import annotations

import base64
import contextlib
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf.json_format import MessageToDict
from xai_sdk import Client
from xai_sdk.chat import file, image, required_tool, tool, tool_result
from xai_sdk.proto import chat_pb2, sample_pb2

from tests.sdk.verdicts import judge_all

Json = dict[str, Any]
SAID = chat_pb2.GetChatCompletionResponse(
    outputs=[chat_pb2.CompletionOutput(finish_reason=3, message=chat_pb2.CompletionMessage(role=2, content="hi"))]
).SerializeToString()
NO_RETRIES = [("grpc.enable_retries", 0)]
ROLES = {"user": 1, "assistant": 2, "system": 3, "developer": 6}


@dataclass
class Vendor(grpc.GenericRpcHandler):
    """Takes any call; answers with these messages and this status."""

    messages: list[bytes]
    code: int = 0
    text: str = ""
    asked: list[tuple[str, str, bytes]] = field(default_factory=list)

    def service(self, handler_call_details: Any) -> Any:
        metadata = dict(handler_call_details.invocation_metadata)

        def answer(request: bytes, context: Any) -> Generator[bytes]:
            self.asked.append((handler_call_details.method, metadata.get("authorization", ""), request))
            yield from self.messages
            if self.code:
                context.abort(next(c for c in grpc.StatusCode if c.value[0] == self.code), self.text)

        return grpc.unary_stream_rpc_method_handler(answer)


@contextlib.contextmanager
def serving(vendor: Vendor) -> Generator[Client]:
    """xAI's client, before a vendor."""
    server = grpc.server(ThreadPoolExecutor(1), handlers=[vendor])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield Client(
            api_key="k", api_host=f"127.0.0.1:{port}", use_insecure_channel=True, channel_options=NO_RETRIES, timeout=20
        )
    finally:
        server.stop(None)


def part(said: Json) -> Any:
    """A part of a turn, as a person would write it with the client."""
    match said:
        case {"text": text}:
            return chat_pb2.Content(text=text)
        case {"image": url}:
            return image(url, detail=said.get("detail", "auto"))
        case {"file": {"data": data, **rest}}:
            return file(data=base64.b64decode(data), **rest)
        case _:
            return file(**said["file"])


def turn(said: Json) -> Any:
    """One turn."""
    if said["role"] == "tool":
        return tool_result(said["result"], said["id"])
    message = chat_pb2.Message(role=ROLES[said["role"]], content=[part(each) for each in said["parts"]])
    message.name = said.get("name", "")
    for call in said.get("calls", ()):
        message.tool_calls.add(id=call["id"], type=1, function=chat_pb2.FunctionCall(**call["function"]))
    if "reasoning" in said:
        message.reasoning_content = said["reasoning"]
    message.encrypted_content = said.get("sealed", "")
    return message


def judge_request(case: Json) -> Json:
    """What the client sends when it is told to ask for the same, and what it reads in what we send."""
    vendor = Vendor([SAID])
    settings: Json = dict(case["settings"])
    if "tools" in settings:
        settings["tools"] = [tool(**each) for each in settings["tools"]]
    if named := settings.pop("required_tool", None):
        settings["tool_choice"] = required_tool(named)
    if shape := settings.pop("schema", None):
        settings["response_format"] = chat_pb2.ResponseFormat(format_type=3, schema=shape)
    with serving(vendor) as client:
        chat = client.chat.create(messages=[turn(each) for each in case["messages"]], **settings)
        list(chat.stream()) if case["stream"] else chat.sample()
    ((path, authorization, sent),) = vendor.asked
    ours = chat_pb2.GetCompletionsRequest.FromString(base64.b64decode(case["ours"]))
    known = chat_pb2.GetCompletionsRequest.FromString(ours.SerializeToString())
    known.DiscardUnknownFields()
    return {
        "path": path,
        "authorization": authorization,
        "sent": MessageToDict(chat_pb2.GetCompletionsRequest.FromString(sent)),
        "ours": MessageToDict(ours),
        "all known": known.SerializeToString() == ours.SerializeToString(),
    }


def judge_answer(case: Json) -> Json:
    """What the client makes of an answer."""
    vendor = Vendor([base64.b64decode(each) for each in case["messages"]], case["code"], case["text"])
    with serving(vendor) as client:
        chat = client.chat.create(model="m", messages=[turn({"role": "user", "parts": [{"text": "hi"}]})])
        try:
            response = None
            if case["stream"]:
                *_, (response, _) = chat.stream()
            else:
                response = chat.sample()
        except grpc.RpcError as error:
            return {"code": error.code().value[0], "text": error.details()}
    if response is None:
        return {"problem": "nothing"}
    usage = response.usage
    return {
        "id": response.id,
        "content": response.content,
        "reasoning": response.reasoning_content,
        "sealed": response.encrypted_content,
        "calls": [[call.id, call.function.name, call.function.arguments] for call in response.tool_calls],
        "finish": response.finish_reason,
        "citations": list(response.citations),
        "known finish": response.finish_reason in list(sample_pb2.FinishReason.keys()),
        "usage": [usage.prompt_tokens, usage.completion_tokens, usage.reasoning_tokens, usage.total_tokens],
    }


if __name__ == "__main__":
    judge_all({"request": judge_request, "answer": judge_answer})
