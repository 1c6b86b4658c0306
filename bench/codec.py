"""What the codec costs, beside orjson.loads of the same bytes and google.protobuf.json_format on the same messages.

`python -m bench.codec` prints them all. Figures are microseconds, the best of several
interleaved rounds; the ratio to orjson.loads within a round is what carries over from machine to machine.
"""

from __future__ import annotations

import argparse
import json
import timeit
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import orjson
from google.protobuf import json_format
from google.protobuf.message import Message
from parley.chat.v1 import completion_pb2

from bench.measurement import CodecRatio
from service.codec import decoder, encoder, parse_object, to_object, validate_raw_json

REQUEST = {
    "model": "openai/gpt-4o-mini",
    "messages": [
        {"role": "system", "content": "You are a helpful assistant. Answer briefly and name your sources."},
        {"role": "user", "content": "What is the weather in Paris today, and should I take an umbrella with me?"},
        {"role": "assistant", "content": "It is raining in Paris today, and an umbrella will be useful until evening."},
        {"role": "user", "content": "Thank you. And tomorrow?"},
    ],
    "temperature": 0.7,
    "max_tokens": 256,
    "stop": ["\n\n"],
}
TOOLS_REQUEST = {
    **REQUEST,
    "tools": [
        {
            "type": "function",
            "function": {
                "name": f"get_weather_{number}",
                "description": "Gets the weather of a city.",
                "parameters": {
                    "type": "object",
                    "properties": {"city": {"type": "string"}, "unit": {"type": "string", "enum": ["C", "F"]}},
                    "required": ["city"],
                },
            },
        }
        for number in range(4)
    ],
    "tool_choice": "auto",
}
CHUNK = {
    "id": "chatcmpl-9aBcDeFgHiJkLmNoPqRsTuVwXyZ01",
    "object": "chat.completion.chunk",
    "created": 1715000000,
    "model": "gpt-4o-mini-2024-07-18",
    "choices": [{"index": 0, "delta": {"content": " umbrella"}, "logprobs": None, "finish_reason": None}],
    "service_tier": "default",
    "system_fingerprint": "fp_0123456789",
}
COMPLETION = {
    "id": "chatcmpl-9aBcDeFgHiJkLmNoPqRsTuVwXyZ01",
    "object": "chat.completion",
    "created": 1715000000,
    "model": "gpt-4o-mini-2024-07-18",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Tomorrow will be dry. " * 10, "refusal": None},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ],
    "usage": {
        "prompt_tokens": 80,
        "completion_tokens": 50,
        "total_tokens": 130,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    },
    "system_fingerprint": "fp_0123456789",
}


@dataclass(frozen=True, slots=True)
class Case:
    """A document, and the message that it is read into."""

    name: str
    message_class: type[Message]
    document: Mapping[str, object]
    nulls: bool


CASES = (
    Case("request, 4 messages", completion_pb2.CompletionRequest, REQUEST, nulls=False),
    Case("request with 4 tools", completion_pb2.CompletionRequest, TOOLS_REQUEST, nulls=False),
    Case("chunk", completion_pb2.CompletionChunk, CHUNK, nulls=True),
    Case("completion", completion_pb2.Completion, COMPLETION, nulls=True),
)


def timings(case: Case) -> dict[str, Callable[[], object]]:
    """Return what is timed of a case, by use."""
    data = json.dumps(dict(case.document), separators=(",", ":")).encode()
    decode, encode = decoder(case.message_class), encoder(case.message_class, nulls=case.nulls)
    build = to_object(case.message_class, nulls=case.nulls)
    members = parse_object(data)
    message = decode(members)
    protobuf_json = json_format.MessageToJson(message, preserving_proto_field_name=True, indent=None)
    message_class = case.message_class
    return {
        "loads": lambda: orjson.loads(data),
        "parse_object": lambda: parse_object(data),
        "decode": lambda: decode(members),
        "parse + decode": lambda: decode(parse_object(data)),
        "to_object": lambda: build(message),
        "encode": lambda: encode(message),
        "validate_raw": lambda: validate_raw_json(message),
        "json_format.Parse": lambda: json_format.Parse(protobuf_json, message_class()),
        "json_format.MessageToJson": lambda: json_format.MessageToJson(
            message, preserving_proto_field_name=True, indent=None
        ),
    }


def measure(rounds: int, calls: int) -> list[CodecRatio]:
    """Time every use on every case, the best of so many rounds of so many calls."""
    ratios: list[CodecRatio] = []
    for case in CASES:
        functions = timings(case)
        best = dict.fromkeys(functions, float("inf"))
        for _ in range(rounds):
            for use, function in functions.items():
                best[use] = min(best[use], timeit.timeit(function, number=calls) / calls)
        ratios += [CodecRatio(case.name, use, seconds * 1e6, seconds / best["loads"]) for use, seconds in best.items()]
    return ratios


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--calls", type=int, default=5000)
    arguments = parser.parse_args()
    case = ""
    for ratio in measure(arguments.rounds, arguments.calls):
        if ratio.case != case:
            print(case := ratio.case)
        print(f"  {ratio.use:28}{ratio.microseconds:9.2f} µs {ratio.times_loads:7.1f} x loads")


if __name__ == "__main__":
    main()
