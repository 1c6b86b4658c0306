"""The deployments of one model while they serve, and the choice among them."""

import random
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Optional

from parley.chat.v1.completion_pb2 import CompletionRequest

from service.backends.dialect import Target
from service.routing.balance import BALANCERS
from service.routing.budget import Backoff, RetryBudget
from service.routing.condition import Condition
from service.routing.gate import Gate
from service.routing.hedging import Hedging
from service.routing.succession import Member, succeed
from service.routing.table import ModelRoute

_PLACES_KEPT = 1000


@dataclass(frozen=True, slots=True)
class Place:
    """Where one attempt goes."""

    name: str
    """For reports: the model's name, and the deployment's where it has one."""
    target: Target
    condition: Condition
    gate: Gate
    model: str = ""
    """Who answers there: `vendor/model_name[/deployment]`, also where a name of one's own was asked."""


class Pool:
    """State of one model's deployments in one worker. Belongs to one event loop."""

    def __init__(
        self,
        route: ModelRoute,
        *,
        clock: Callable[[], float],
        rng: random.Random,
        previous: Optional["Pool"] = None,
    ) -> None:
        """:param previous: the same model's pool under the configuration before, whose state goes on."""
        self.route = route
        retries, cooldown = route.settings.retries, route.settings.cooldown
        self.budget = RetryBudget(share=retries.budget)
        self.backoff = Backoff(first=retries.backoff, most=retries.longest)
        self.hedging = Hedging(route.settings.hedge) if route.settings.hedge else None
        self.total_timeout = max(target.timeouts.total for target in route.targets)
        """Seconds that a request may take in all."""
        self._open = sum(target.weight > 0 for target in route.targets)
        self._rng = rng
        self._members: list[Member] = [
            (Condition(target, clock, cooldown), Gate(target.max_concurrent, target.queue, target.vendor))
            for target in route.targets
        ]
        self._places: dict[tuple[str, str], Place] = {}
        """By the model's name as it was asked for, and the deployment's."""
        if previous is not None:
            self._members = [succeed(member, previous.members, cooldown) for member in self._members]
            if previous.route.settings.retries == retries:
                self.budget = previous.budget
            if previous.route.settings.hedge == route.settings.hedge:
                self.hedging = previous.hedging

    @property
    def members(self) -> Sequence[Member]:
        """The deployments, in the order of the file."""
        return self._members

    @property
    def open(self) -> int:
        """Deployments that are not being drained."""
        return self._open

    def request(self) -> None:
        """A request came to this model."""
        self.budget.request()
        if self.hedging is not None:
            self.hedging.budget.request()

    def choose(
        self, name: str, request: CompletionRequest, tried: Collection[Condition], *, deployment: str = ""
    ) -> Place:
        """A deployment for the next attempt.

        Preferred are those that were not tried and are not resting, then those not tried, then all.

        :param name: the model's name as it was asked for, without the deployment.
        :param deployment: the one that the caller picked; others are not an answer then.
        """
        if len(self._members) == 1:
            return self._place(self._members[0], name)
        ready: list[Member] = []
        untried: list[Member] = []
        others: list[Member] = []
        for member in self._members:
            condition, gate = member
            if deployment:
                if condition.target.deployment != deployment:
                    continue
            elif not condition.target.weight:
                # It is being drained: no requests, and no probes either.
                continue
            if condition in tried:
                others.append(member)
            elif condition.available and not gate.full:
                ready.append(member)
            else:
                untried.append(member)
        return self._one_of(ready or untried or others, name, request)

    def spare(self, name: str, request: CompletionRequest, tried: Collection[Condition]) -> Place | None:
        """A deployment for a hedge: one that was not tried, has not been failing and has a place at once."""
        choices = [m for m in self._members if _may_join(m, tried)]
        return self._one_of(choices, name, request) if choices else None

    def _one_of(self, choices: Sequence[Member], name: str, request: CompletionRequest) -> Place:
        if len(choices) == 1:
            return self._place(choices[0], name)
        conditions = [condition for condition, _ in choices]
        chosen = BALANCERS[self.route.settings.balance](conditions, request, self._rng)
        return self._place(choices[conditions.index(chosen)], name)

    def _place(self, member: Member, name: str) -> Place:
        condition, gate = member
        target = condition.target
        known = self._places.get((name, target.deployment))
        if known is not None:
            return known
        if len(self._places) >= _PLACES_KEPT:
            # Callers may ask a wildcard for names without end.
            self._places.clear()
        if self.route.wildcard:
            target = self.route.named(name.partition("/")[2], target)
        label = f"{name}/{target.deployment}" if target.deployment else name
        place = self._places[name, target.deployment] = Place(label, target, condition, gate, target.used or label)
        return place


def _may_join(member: Member, tried: Collection[Condition]) -> bool:
    condition, gate = member
    return condition not in tried and condition.target.weight > 0 and condition.healthy and gate.has_room
