"""What vendors that speak OpenAI's chat completions want said in another way: small changes of the body, by row."""

from collections.abc import Callable
from typing import Any, cast

from parley.chat.v1.completion_pb2 import CompletionRequest

from service.backends.dialect import Target
from service.codec import JsonObject

Rewrite = Callable[[JsonObject, CompletionRequest, Target], None]
"""Changes a request's body in place. Strings of verbatim JSON in the body may be orjson fragments."""


def image_data_as_url(body: JsonObject, request: CompletionRequest, target: Target) -> None:
    """Older clients' image_data parts as image_url parts with a data: URL."""
    messages: Any = body["messages"]
    for at, message in enumerate(messages):
        content = message.get("content")
        if not isinstance(content, list):
            continue  # a text alone is a string
        parts = cast("list[Any]", content)
        for place, part in enumerate(parts):
            if part.get("type") == "image_data":
                image = request.messages[at].content[place].image_data
                url = f"data:{image.media_type or 'image/png'};base64,{image.data}"
                parts[place] = {"type": "image_url", "image_url": {"url": url}}


def guided_json_as_response_format(body: JsonObject, request: CompletionRequest, target: Target) -> None:
    """guided_json as the response format that asks for the same."""
    if schema := body.pop("guided_json", None):
        body["response_format"] = {"type": "json_schema", "json_schema": {"name": "guided_json", "schema": schema}}
