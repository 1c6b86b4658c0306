"""Ways of choosing among deployments that could all answer."""

import hashlib
import random
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from parley.chat.v1.completion_pb2 import CompletionRequest

from service.routing.condition import Condition

Balancer = Callable[[Sequence[Condition], CompletionRequest, random.Random], Condition]
"""Chooses one of at least one."""

_LEAST = 0.2
"""The least that a deployment's success counts, so that it is asked now and then."""
_FAILING_REQUESTS = 10
"""As busy as with so many requests more is one that answers nothing."""
_FAILING_S = 10.0
"""As slow as by so many seconds more is one that answers nothing."""
_BOUND = 1.25
"""How much busier than the average a deployment may be and still be chosen for its warm cache."""


def weighted(conditions: Sequence[Condition], request: CompletionRequest, rng: random.Random) -> Condition:
    """At random, by the weights of the configuration and the share of requests that each answers."""
    return rng.choices(conditions, [each.target.weight * max(each.success(), _LEAST) for each in conditions])[0]


def least_inflight(conditions: Sequence[Condition], request: CompletionRequest, rng: random.Random) -> Condition:
    """The one with the fewest requests for its weight; among equals, at random. One that fails counts as busy."""
    load = [(each.in_flight + _FAILING_REQUESTS * (1 - each.success())) / each.target.weight for each in conditions]
    least = min(load)
    return rng.choice([each for each, own in zip(conditions, load, strict=True) if own == least])


def latency(conditions: Sequence[Condition], request: CompletionRequest, rng: random.Random) -> Condition:
    """Of two at random, the one that is expected to be faster: most of the gain of asking all, and no herd.

    A failure is fast, but no answer: it counts as a delay.
    """
    pair = rng.sample(conditions, min(2, len(conditions)))
    return min(pair, key=lambda each: (each.expected_delay() + _FAILING_S * (1 - each.success()), each.in_flight))


def prefix(conditions: Sequence[Condition], request: CompletionRequest, rng: random.Random) -> Condition:
    """The one that has seen the beginning of this conversation, so that its key-value cache is warm.

    Rendezvous hashing over the model, the tools and the messages up to the first of the user's; where that deployment
    has more than 1.25 times the average load, the next in the order of the hash.
    """
    start = _start_of(request)
    ranked = sorted(
        conditions, key=lambda each: hashlib.blake2b(start + each.target.deployment.encode()).digest(), reverse=True
    )
    most = _BOUND * (sum(each.in_flight for each in ranked) + 1) / len(ranked)
    return next((each for each in ranked if each.in_flight + 1 <= max(most, 1)), ranked[0])


BALANCERS: Mapping[str, Balancer] = MappingProxyType(
    {"weighted": weighted, "least_inflight": least_inflight, "latency": latency, "prefix": prefix}
)
"""By the name that parley.yaml gives them."""


def _start_of(request: CompletionRequest) -> bytes:
    digest = hashlib.blake2b(request.model.encode())
    for tool in request.tools:
        digest.update(tool.SerializeToString(deterministic=True))
    for message in request.messages:
        digest.update(message.SerializeToString(deterministic=True))
        if message.role == "user":
            break
    return digest.digest()
