"""The loads that every peer is put under."""

from __future__ import annotations

import json
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scenario:
    """One load: what is asked for, and how often."""

    name: str
    behaviour: str
    """The mock vendor's model name, which says how it behaves; see mock_vendor.c."""
    stream: bool
    connections: int
    seconds: float
    rate: float | None = None
    """Requests per second; None asks again as soon as it is answered."""

    def body(self, model_prefix: str) -> bytes:
        """Return the request's body; the prefix turns the vendor's model name into the peer's."""
        question = "Tell me about the quick brown fox and what it did to the lazy dog, in a few sentences."
        body: dict[str, object] = {
            "model": model_prefix + self.behaviour,
            "messages": [
                {"role": "system", "content": "You are a helpful assistant."},
                {"role": "user", "content": question},
            ],
            "max_tokens": 128,
            "temperature": 0.7,
        }
        if self.stream:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        return json.dumps(body, separators=(",", ":")).encode()


SCENARIOS = (
    Scenario("unary, saturated", "mock", stream=False, connections=16, seconds=4),
    Scenario("unary, 20/s", "mock", stream=False, connections=64, seconds=3, rate=20),
    Scenario("streams, saturated", "mock-n64", stream=True, connections=16, seconds=4),
    Scenario(
        "streams, 20/s x 100 chunks 20 ms apart", "mock-n100-i20", stream=True, connections=128, seconds=4, rate=20
    ),
)
