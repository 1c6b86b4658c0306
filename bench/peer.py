"""What is compared, as data: how a gateway is started, and how it is asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from bench import request
from bench.environment import Installation
from bench.scenario import Api, Scenario

KEY = "sk-bench-caller"
"""The caller's key; no secret, since only the benchmark's own gateways know it."""


@dataclass(frozen=True, slots=True)
class Route:
    """How one kind of request is asked of a peer."""

    model: str
    """The model's name there, which the scenario's behaviour follows."""
    unary: str = "/v1/chat/completions"
    stream: str = "/v1/chat/completions"
    headers: tuple[str, ...] = ()
    body: Callable[[str, Scenario], bytes] = request.as_json

    def path(self, scenario: Scenario) -> str:
        """Where the scenario's requests go."""
        return self.stream if scenario.stream else self.unary

    def render(self, scenario: Scenario) -> bytes:
        """Return the body of the scenario's requests."""
        return self.body(self.model + scenario.behaviour, scenario)


@dataclass(frozen=True, slots=True)
class Peer:
    """A gateway before the mock vendor, or the vendor itself where there is no command.

    In commands, values of the environment, headers and templates, these are filled in: `$port`, where the peer listens
    on 127.0.0.1; `$spare`, another free port; `$vendor`, the mock vendor's port; `$directory`, a directory of the peer's
    own, with the rendered templates; `$build`, where the benchmark's own binaries are; `$python` and `$node`, the
    interpreters; `$bin`, this one's directory; `$installed`, where the peer's installation is; `$models`, all
    `model_entries`; and the values of `environment`.
    """

    name: str
    what: str
    """What it is, for the page."""
    routes: Mapping[Api, Route]
    commands: tuple[tuple[str, ...], ...] = ()
    templates: tuple[str, ...] = ()
    """Files of bench/peers."""
    model_entries: str = ""
    """A template for each model, for those that must be told each; `$behaviour` is what follows a model's name."""
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    installation: Installation | None = None
    quick: bool = False
    """Whether the quick run has it."""
    most_chunks_per_second: float = float("inf")
    """More than these a paced stream cannot offer it without choking it, which would measure nothing."""
    scenarios: tuple[Scenario, ...] | None = None
    """The only ones to measure; None measures all that it has a route for."""

    def serves(self, scenario: Scenario) -> bool:
        """Whether the scenario is measured on it."""
        if self.scenarios is not None and scenario not in self.scenarios:
            return False
        return scenario.api in self.routes and scenario.chunks_per_second <= self.most_chunks_per_second
