"""The loads that every peer is put under."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Api(StrEnum):
    """What is asked for, and in whose format the vendor answers."""

    REST = "rest"
    """OpenAI's JSON, from a vendor that speaks it too."""
    TRANSLATED = "translated"
    """OpenAI's JSON, from a vendor that speaks Anthropic's."""
    GRPC = "grpc"
    """Typed messages, from a vendor that speaks OpenAI's JSON."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One load: what is asked for, and how often."""

    name: str
    api: Api
    stream: bool
    behaviour: str = ""
    """Of the mock vendor, to follow the model's name; see vendor/main.c."""
    connections: int = 16
    """Requests that may be under way at once."""
    seconds: float = 2
    rate: float | None = None
    """Requests per second; None asks again as soon as it is answered."""
    prompt_bytes: int = 0
    """Length of the user's message; 0 takes a short question."""
    chunks_per_second: float = 0
    """What the streams offer, where they are paced; a peer that cannot carry it is not measured."""

    @property
    def prompt(self) -> str:
        """The user's message."""
        question = "Tell me about the quick brown fox and what it did to the lazy dog, in a few sentences. "
        return (question * (self.prompt_bytes // len(question) + 1))[: self.prompt_bytes or len(question) - 1]


SYSTEM_PROMPT = "You are a helpful assistant."
MAX_TOKENS = 128
TEMPERATURE = 0.7

UNARY = Scenario("unary, saturated", Api.REST, stream=False)
UNARY_20 = Scenario("unary, 20/s", Api.REST, stream=False, connections=64, seconds=4, rate=20)
UNARY_LONG = Scenario("unary, 100 kB prompt", Api.REST, stream=False, prompt_bytes=100_000)
STREAMS = Scenario("streams, saturated", Api.REST, stream=True, behaviour="-n64")
STREAMS_20 = Scenario(
    "streams, 20/s × 100 chunks 20 ms apart",
    *(Api.REST, True, "-n100-i20"),
    connections=128,
    seconds=3,
    rate=20,
    chunks_per_second=2_000,
)
STREAMS_60 = Scenario(
    "streams, 60/s × 100 chunks 20 ms apart",
    *(Api.REST, True, "-n100-i20"),
    connections=400,
    seconds=3,
    rate=60,
    chunks_per_second=6_000,
)
TRANSLATED_UNARY = Scenario("translated, unary, saturated", Api.TRANSLATED, stream=False)
TRANSLATED_STREAMS = Scenario("translated, streams, saturated", Api.TRANSLATED, stream=True, behaviour="-n64")
GRPC_UNARY = Scenario("gRPC, unary, saturated", Api.GRPC, stream=False)
GRPC_STREAMS = Scenario("gRPC, streams, saturated", Api.GRPC, stream=True, behaviour="-n64")
GRPC_STREAMS_20 = Scenario(
    "gRPC, streams, 20/s × 100 chunks 20 ms apart",
    *(Api.GRPC, True, "-n100-i20"),
    connections=128,
    seconds=3,
    rate=20,
    chunks_per_second=2_000,
)

SCENARIOS = (
    UNARY,
    UNARY_20,
    UNARY_LONG,
    STREAMS,
    STREAMS_20,
    STREAMS_60,
    TRANSLATED_UNARY,
    TRANSLATED_STREAMS,
    GRPC_UNARY,
    GRPC_STREAMS,
    GRPC_STREAMS_20,
)

BEHAVIOURS = tuple(sorted({scenario.behaviour for scenario in SCENARIOS}))
"""Of the models that are asked for, for peers that must be told each model."""
