"""What the manifests, the code and envoy.yaml have to say alike; Kubernetes' schemas know nothing of it."""

from collections.abc import Callable, Iterator

from k8s.agreement import configuration, hygiene, network, probes, stopping
from k8s.workload import Built

Rule = Callable[[Built], Iterator[str]]

RULES: tuple[Rule, ...] = (*configuration.RULES, *hygiene.RULES, *network.RULES, *probes.RULES, *stopping.RULES)


def problems(built: Built) -> list[str]:
    """Every disagreement, as a sentence."""
    return [f"{problem} [{rule.__name__}]" for rule in RULES for problem in rule(built)]


__all__ = ["RULES", "problems"]
