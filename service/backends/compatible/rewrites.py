"""What vendors of OpenAI's format want said in another way than OpenAI."""

import hashlib
import re

from parley.chat.v1.completion_pb2 import CompletionRequest

from service.backends.dialect import Target
from service.codec import JsonObject, JsonValue

_CALL_ID = re.compile(r"[A-Za-z0-9]{9}")
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def reasoning(body: JsonObject, request: CompletionRequest, target: Target) -> None:
    """Earlier reasoning under the name `reasoning`.

    Source: https://github.com/ollama/ollama/blob/main/openai/openai.go.
    """
    for message in _objects(body.get("messages")):
        if "reasoning_content" in message:
            message["reasoning"] = message.pop("reasoning_content")


def audio_as_text(body: JsonObject, request: CompletionRequest, target: Target) -> None:
    """Sounds as bare base64, whose format Mistral finds out itself (mistralai 3.7.0, AudioChunk)."""
    for message in _objects(body.get("messages")):
        for part in _objects(message.get("content")):
            sound = part.get("input_audio")
            if isinstance(sound, dict):
                part["input_audio"] = sound.get("data")


def short_call_ids(body: JsonObject, request: CompletionRequest, target: Target) -> None:
    """Identifiers of tool calls as Mistral wants them, nine letters and digits, where another vendor made them.

    Source: https://github.com/mistralai/mistral-common/blob/main/src/mistral_common/protocol/instruct/validator.py.
    """
    for message in _objects(body.get("messages")):
        for call in _objects(message.get("tool_calls")):
            call["id"] = _short(call.get("id"))
        if "tool_call_id" in message:
            message["tool_call_id"] = _short(message["tool_call_id"])


def _short(call_id: JsonValue) -> JsonValue:
    if not isinstance(call_id, str) or _CALL_ID.fullmatch(call_id):
        return call_id
    number = int.from_bytes(hashlib.sha256(call_id.encode()).digest()[:8])
    letters: list[str] = []
    for _ in range(9):
        number, place = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[place])
    return "".join(letters)


def _objects(value: JsonValue) -> list[JsonObject]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
