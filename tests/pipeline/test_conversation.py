from typing import Any

import pytest
from parley.chat.v1.completion_pb2 import CompletionRequest

from service.backends.fields import IN_MESSAGES
from service.codec import decoder
from service.pipeline.conversation import check_conversation

decode = decoder(CompletionRequest)
IMAGE = {"type": "image_url", "image_url": {"url": "https://h/i.png"}}
USES: dict[str, dict[str, Any]] = {
    "content.image_url": {"content": [IMAGE]},
    "content.image_data": {"content": [{"type": "image_data", "image_data": {"data": "aGk="}}]},
    "content.input_audio": {"content": [{"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}}]},
    "content.file": {"content": [{"type": "file", "file": {"file_id": "f"}}]},
    "content.other": {"content": [{"type": "video", "video": {"url": "v"}}]},
    "message.name": {"name": "n"},
    "message.audio": {"role": "assistant", "audio": {"id": "a"}},
    "message.reasoning_content": {"role": "assistant", "reasoning_content": ""},
    "cache_control": {"cache_control": {"type": "ephemeral"}},
    "content.image_url.detail": {
        "content": [{"type": "image_url", "image_url": {"url": "https://h/i.png", "detail": "low"}}]
    },
}


def uses(*messages: dict[str, Any]) -> set[str]:
    request = decode({"messages": [{"role": "user", "content": "hi", **message} for message in messages]})
    found: set[str] = set()
    check_conversation(request, found)
    return found


def test_all_that_a_vendor_may_not_know_of_messages_is_looked_for() -> None:
    assert set(IN_MESSAGES) <= USES.keys()


@pytest.mark.parametrize("name", USES)
def test_what_stands_in_any_message_is_found(name: str) -> None:
    assert name in uses({}, USES[name], {})


def test_a_mark_on_a_part_is_found_too() -> None:
    part = {"type": "text", "text": "t", "cache_control": {"type": "ephemeral"}}
    assert uses({"content": [part]}) == {"cache_control"}


def test_plain_texts_use_nothing() -> None:
    assert uses({"role": "system"}, {"content": [{"type": "text", "text": "t"}]}, {"role": "assistant"}) == set()
