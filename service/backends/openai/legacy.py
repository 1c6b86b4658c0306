"""The legacy completions API, which goes on with a prompt: fills gaps, and takes conversations rendered elsewhere.

Source: https://platform.openai.com/docs/api-reference/completions.
"""

from typing import cast

from parley.chat.v1.completion_pb2 import CompletionRequest

from service.backends.dialect import Target
from service.codec import JsonObject, JsonValue
from service.errors import ApiError, Kind

_KNOWN = frozenset(
    (
        "best_of echo frequency_penalty logit_bias logprobs top_logprobs max_tokens max_completion_tokens n "
        "presence_penalty seed stop stream_options suffix temperature top_p user messages prompt"
    ).split()
)

_NEUTRAL: JsonObject = {
    "response_format": {"type": "text"},
    "modalities": ["text"],
    "tool_choice": "none",
    "store": False,
    "parallel_tool_calls": True,
}
"""Members that the API does not have, with values that ask for what it does anyway."""


def path_of(chat_path: str, body: JsonObject) -> str:
    """Where a body goes: to the legacy API where it has a prompt instead of messages."""
    return chat_path if "messages" in body else chat_path.replace("/chat/completions", "/completions")


def as_legacy(body: JsonObject, prompt: str) -> None:
    """Rewrites a chat request, in place, to one that goes on with a prompt."""
    body.pop("messages", None)
    body["prompt"] = prompt
    if (most := body.pop("max_completion_tokens", None)) is not None:
        body["max_tokens"] = most
    alternatives = body.pop("top_logprobs", None)
    if body.pop("logprobs", None):
        # Here it is a number: that of the alternatives of each token.
        body["logprobs"] = alternatives or 0


def suffix_as_legacy(body: JsonObject, request: CompletionRequest, target: Target) -> None:
    """Sends a request with a suffix to the legacy API.

    Before the gap stand the texts of its messages, in order, whatever their role, with a blank line between them.
    ApiError (UNSUPPORTED) for what that API has no form for.
    """
    if "suffix" not in body:
        return
    if not request.suffix:
        del body["suffix"]
        return
    fields = request.DESCRIPTOR.fields_by_name
    for name in tuple(body):
        if name in fields and name not in _KNOWN and body.pop(name) != _NEUTRAL.get(name, ()):
            raise _unsupported(name)
    as_legacy(body, "\n\n".join(_texts(request)))


def _texts(request: CompletionRequest) -> list[str]:
    texts: list[str] = []
    for index, message in enumerate(request.messages):
        if message.tool_calls or message.tool_call_id:
            raise _unsupported(f"messages[{index}].{'tool_calls' if message.tool_calls else 'tool_call_id'}")
        for place, part in enumerate(message.content):
            if part.WhichOneof("part") != "text":
                raise _unsupported(f"messages[{index}].content[{place}]")
        texts.append("".join(part.text for part in message.content))
    return texts


def _unsupported(path: str) -> ApiError:
    problem = f"{path}: a request with a suffix goes to the legacy completions API, which knows none"
    return ApiError(Kind.UNSUPPORTED, problem, param=path)


def is_legacy(event: JsonObject) -> bool:
    """Whether an answer, or a piece of one, is of the legacy API."""
    return event.get("object") == "text_completion"


def as_chunk(event: JsonObject) -> None:
    """Rewrites an answer, or a piece of one, to a chat chunk, in place."""
    choices = event.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, dict):
            text = choice.pop("text", None)
            choice["delta"] = {"content": text} if text else {}
            logprobs = choice.get("logprobs")
            if isinstance(logprobs, dict) and "tokens" in logprobs:
                choice["logprobs"] = _logprobs(logprobs)


def _logprobs(lists: JsonObject) -> JsonObject:
    """Parallel lists of tokens, as OpenAI writes them here, as one list of objects; llama.cpp writes the latter."""
    tokens = cast("list[str]", lists.get("tokens") or [])
    own = cast("list[float | None]", lists.get("token_logprobs") or [])
    top = cast("list[dict[str, float] | None]", lists.get("top_logprobs") or [])
    content: list[JsonValue] = []
    for index, token in enumerate(tokens):
        alternatives = (top[index] if index < len(top) else None) or {}
        content.append(
            {
                "token": token,
                "logprob": own[index] if index < len(own) else None,
                "bytes": list(token.encode()),
                "top_logprobs": [
                    {"token": other, "logprob": value, "bytes": list(other.encode())}
                    for other, value in sorted(alternatives.items(), key=lambda pair: -pair[1])
                ],
            }
        )
    return {"content": content}
