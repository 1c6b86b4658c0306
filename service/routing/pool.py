"""The deployments of one model while they serve, and the choice among them."""

import random
from collections.abc import Callable, Collection
from dataclasses import dataclass

from parley.chat.v1.completion_pb2 import CompletionRequest

from service.backends.dialect import Target
from service.routing.balance import BALANCERS
from service.routing.budget import Backoff, RetryBudget
from service.routing.condition import Condition
from service.routing.gate import Gate
from service.routing.table import ModelRoute


@dataclass(frozen=True, slots=True)
class Place:
    """Where one attempt goes."""

    name: str
    """For reports: the model's name, and the deployment's where it has one."""
    target: Target
    condition: Condition
    gate: Gate


class Pool:
    """State of one model's deployments in one worker. Belongs to one event loop."""

    def __init__(self, route: ModelRoute, *, clock: Callable[[], float], rng: random.Random) -> None:
        self.route = route
        retries = route.settings.retries
        self.budget = RetryBudget(share=retries.budget)
        self.backoff = Backoff(first=retries.backoff, most=retries.longest)
        self._rng = rng
        self._members = [
            (
                Condition(target, clock, route.settings.cooldown),
                Gate(target.max_concurrent, target.queue, target.vendor),
            )
            for target in route.targets
        ]

    def choose(
        self, name: str, request: CompletionRequest, tried: Collection[Condition], *, deployment: str = ""
    ) -> Place:
        """A deployment for the next attempt.

        Preferred are those that were not tried and are not resting, then those not tried, then all.

        :param name: the model's name as it was asked for, without the deployment.
        :param deployment: the one that the caller picked; others are not an answer then.
        """
        members = [m for m in self._members if not deployment or m[0].target.deployment == deployment]
        choices = (
            [m for m in members if m[0] not in tried and m[0].available and not m[1].full]
            or [m for m in members if m[0] not in tried]
            or members
        )
        gates = {id(condition): gate for condition, gate in choices}
        condition = BALANCERS[self.route.settings.balance]([c for c, _ in choices], request, self._rng)
        target = condition.target
        if self.route.wildcard:
            target = self.route.named(name.partition("/")[2], target)
        label = f"{name}/{target.deployment}" if target.deployment else name
        return Place(label, target, condition, gates[id(condition)])
