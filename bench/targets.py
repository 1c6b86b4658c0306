"""What Parley's speed is to come up to, as data: ratios to what ran beside it in the same round, and a few limits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import assert_never

from bench import scenario
from bench.measurement import AtRest, Column, Run, Spread, figures
from bench.scenario import Scenario


@dataclass(frozen=True, slots=True)
class Ratio:
    """Parley's figure over another peer's."""

    column: Column
    of: Scenario
    peer: str
    peers_scenario: Scenario | None = None
    """What the other is measured by; None takes the same scenario."""


@dataclass(frozen=True, slots=True)
class Added:
    """Parley's time less that of a call that goes to the vendor directly, in milliseconds."""

    column: Column
    of: Scenario


@dataclass(frozen=True, slots=True)
class Codec:
    """A use of the codec, as a multiple of orjson.loads."""

    case: str
    use: str


@dataclass(frozen=True, slots=True)
class Rest:
    """A figure of a worker at rest."""

    value: Callable[[AtRest], float]


@dataclass(frozen=True, slots=True)
class Target:
    """One limit."""

    measure: str
    """What is measured."""
    limit: str
    """The limit in words; `{}` stands for the number."""
    at_most: float
    figure: Ratio | Added | Codec | Rest
    stretch: bool = False
    """Whether it is more than was asked for."""

    def measured(self, run: Run) -> Spread | None:
        """Return what the run found; None where it could not be measured."""
        match self.figure:
            case Ratio(column, of, peer, peers_scenario):
                own = figures(run, of.name, "parley", column)
                other = figures(run, (peers_scenario or of).name, peer, column)
                return Spread.of([value / other[at] for at, value in own.items() if at in other])
            case Added(column, of):
                own = figures(run, of.name, "parley", column)
                other = figures(run, of.name, "direct", column)
                return Spread.of([value - other[at] for at, value in own.items() if at in other])
            case Codec(case, use):
                return Spread.of([of.times_loads for of in run.codec if (of.case, of.use) == (case, use)])
            case Rest(value):
                return Spread.of([value(of) for of in run.at_rest])
            case _:
                assert_never(self.figure)


_UNARY = "REST pass-through, unary, CPU per request"
_STREAM = "REST pass-through, saturated stream, CPU per chunk"
_PACED = "paced streams, CPU per chunk"
_ADDED = "added latency at 20 req/s"
_TRANSLATED = "REST translated (Anthropic), CPU per chunk"
_GRPC = "native gRPC, CPU per chunk"
_REQUEST, _CHUNK = Column.CPU_REQUEST, Column.CPU_CHUNK

TARGETS = (
    Target(_UNARY, "{} × floor R", 1.35, Ratio(_REQUEST, scenario.UNARY, "floor R")),
    Target(_UNARY, "{} of LiteLLM's", 1 / 20, Ratio(_REQUEST, scenario.UNARY, "litellm")),
    Target(_UNARY, "{} of Portkey's", 1 / 4, Ratio(_REQUEST, scenario.UNARY, "portkey")),
    Target(_STREAM, "{} × floor R", 1.35, Ratio(_CHUNK, scenario.STREAMS, "floor R")),
    Target(_STREAM, "{} of LiteLLM's", 1 / 50, Ratio(_CHUNK, scenario.STREAMS, "litellm")),
    Target(_STREAM, "{} of Portkey's", 1 / 2.5, Ratio(_CHUNK, scenario.STREAMS, "portkey")),
    Target(_STREAM, "{} × vllm-router's", 1, Ratio(_CHUNK, scenario.STREAMS, "vllm-router"), stretch=True),
    Target(
        _TRANSLATED,
        "{} × floor T",
        1.5,
        Ratio(_CHUNK, scenario.TRANSLATED_STREAMS, "floor T", scenario.STREAMS),
    ),
    Target(_GRPC, "{} × floor T", 1.5, Ratio(_CHUNK, scenario.GRPC_STREAMS, "floor T", scenario.STREAMS)),
    Target(
        _GRPC,
        "{} × floor T, itself called over gRPC",
        1.5,
        Ratio(_CHUNK, scenario.GRPC_STREAMS, "floor T"),
        stretch=True,
    ),
    Target(f"{_PACED}, 20 streams/s", "{} × floor R", 1.3, Ratio(_CHUNK, scenario.STREAMS_20, "floor R")),
    Target(f"{_PACED}, 60 streams/s", "{} × floor R", 1.3, Ratio(_CHUNK, scenario.STREAMS_60, "floor R")),
    Target(f"{_ADDED}, p50", "{} ms over direct", 3, Added(Column.P50, scenario.UNARY_20)),
    Target(f"{_ADDED}, p99", "{} ms over direct", 10, Added(Column.P99, scenario.UNARY_20)),
    Target(
        "codec, decode of a request of 4 messages",
        "{} × orjson.loads",
        15,
        Codec("request, 4 messages", "parse + decode"),
    ),
    Target("codec, encode of a chunk", "{} × orjson.loads", 3, Codec("chunk", "encode")),
    Target("worker at rest, resident", "{} MB", 90, Rest(lambda of: of.resident_megabytes)),
    Target("worker at rest, ready after", "{} s", 1.5, Rest(lambda of: of.ready_seconds)),
)
"""In the order of the page. Floor T is what performance is judged by as a REST peer; its own gRPC is the harder measure."""
