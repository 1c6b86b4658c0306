"""What a reload leaves as it is: a deployment that is resting goes on resting, and its limit is not lifted."""

from collections.abc import Iterable

from service.backends.dialect import Target
from service.config.model import Cooldown
from service.routing.condition import Condition
from service.routing.gate import Gate

Member = tuple[Condition, Gate]
"""The state of one deployment of a model."""


def succeed(new: Member, before: Iterable[Member], cooldown: Cooldown) -> Member:
    """The state to go on with: that of the same deployment before, as far as it still holds.

    A deployment that did not change keeps all of it. Under other settings it keeps what is known of the place; with
    another key only its limit, because what failed may have been the key.
    """
    condition, gate = new
    target = condition.target
    old = next((each for each in before if _identity(each[0].target) == _identity(target)), None)
    if old is None:
        return new
    old_condition, old_gate = old
    if old_condition.target == target and old_condition.cooldown == cooldown:
        condition = old_condition
    elif old_condition.target.credential == target.credential:
        condition = old_condition.inherited(target, cooldown)
    if old_gate.bounded and target.max_concurrent is not None:
        old_gate.resize(target.max_concurrent, target.queue)
        gate = old_gate
    elif not old_gate.bounded and target.max_concurrent is None:
        gate = old_gate
    return condition, gate


def _identity(target: Target) -> tuple[str | None, ...]:
    """What makes it the same place."""
    return (
        *(target.vendor, target.deployment, target.model, target.base_url),
        *(target.socket, target.region, target.project),
    )
