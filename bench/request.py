"""The body of a request, in the forms in which peers take it."""

from __future__ import annotations

import json

from parley.chat.v1.completion_pb2 import CompletionRequest
from parley.chat.v1.message_pb2 import ContentPart, Message

from bench.floor import floor_pb2
from bench.scenario import MAX_TOKENS, SYSTEM_PROMPT, TEMPERATURE, Scenario


def as_json(model: str, scenario: Scenario) -> bytes:
    """OpenAI's JSON; also what the mock vendor reads in Anthropic's place, which looks at little of it."""
    body: dict[str, object] = {
        "model": model,
        "messages": [
            {"role": "system", "content": SYSTEM_PROMPT},
            {"role": "user", "content": scenario.prompt},
        ],
        "max_tokens": MAX_TOKENS,
        "temperature": TEMPERATURE,
    }
    if scenario.stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return json.dumps(body, separators=(",", ":")).encode()


def as_parley_message(model: str, scenario: Scenario) -> bytes:
    """A message of Parley's contract."""
    request = CompletionRequest(model=model, max_tokens=MAX_TOKENS, temperature=TEMPERATURE)
    for role, text in (("system", SYSTEM_PROMPT), ("user", scenario.prompt)):
        request.messages.append(Message(role=role, content=[ContentPart(text=text)]))
    if scenario.stream:
        request.stream_options.include_usage = True
    return request.SerializeToString()


def as_floor_message(model: str, scenario: Scenario) -> bytes:
    """A message of the floor's contract."""
    request = floor_pb2.ChatRequest(model=model, max_tokens=MAX_TOKENS, temperature=TEMPERATURE)
    for role, text in (("system", SYSTEM_PROMPT), ("user", scenario.prompt)):
        request.messages.add(role=role, content=text)
    return request.SerializeToString()
