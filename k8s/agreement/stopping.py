"""How pods end: whether all that a stop may take fits into the grace time, in an order in which no stream is cut."""

import argparse
import contextlib
import io
from collections.abc import Iterator

from gateway import lame_duck
from k8s.document import find, labels, strings, text
from k8s.workload import Built, Container
from service.config import Config, ConfigError
from service.config.load import parse

_WORKER_SLACK_S = 5.0
_ENGINE_S = 5.0
"""What the supervisor adds to `drain` for a worker, and gives the engine; service/supervisor/table.py."""
_HOOK = ["python", "-m", "gateway.lame_duck"]


def grace_covers_the_stop(built: Built) -> Iterator[str]:
    """The pod may take longer to end than its hooks, linger, drain and the ends of processes together."""
    for workload in built.workloads:
        grace = float(text(workload.pod, "terminationGracePeriodSeconds") or 30)
        for container in workload.containers:
            needed = _hook_s(container)
            config = _config(built, container)
            if config is not None:
                needed += seconds(container.option("--linger")) + config.drain + _WORKER_SLACK_S + _ENGINE_S
            if grace <= needed:
                yield f"{container.name}: its end may take {needed:g} s, and the pod has {grace:g} s"


def hooks_wait_for_the_longest_stream(built: Built) -> Iterator[str]:
    """The preStop of what carries streams waits as long as a stream may take, after balancers had time to notice."""
    configs = [
        config for workload in built.workloads for each in workload.containers if (config := _config(built, each))
    ]
    longest = max((config.timeouts.total for config in configs), default=0)
    for workload in built.workloads:
        carriers = [each for each in workload.containers if each.argv[:1] == ["envoy"]]
        mains = [each for each in workload.containers if not each.sidecar]
        if not carriers:
            continue
        for container in mains:
            options = lame_duck_options(container)
            if options is None:
                yield f"{container.name}: its preStop is not `{' '.join(_HOOK)} enter`"
            elif options[1] < longest:
                yield f"{container.name}: preStop waits {options[1]:g} s, and a stream may take {longest:g} s"
        if len(workload.containers) > len(mains):
            for carrier in carriers:
                if not carrier.sidecar:
                    yield f"{carrier.name}: it is stopped together with the service instead of after it"


def hooks_ask_their_envoy(built: Built) -> Iterator[str]:
    """A hook's runtime directory is a volume that this container and Envoy's share, and its words are understood."""
    for workload in built.workloads:
        for container in workload.containers:
            for phase in ("preStop", "postStart"):
                command = strings(container.spec, "lifecycle", phase, "exec", "command")
                if not command:
                    continue
                if command[:3] != _HOOK:
                    yield f"{container.name}: {phase} is not `{' '.join(_HOOK)}`"
                    continue
                arguments = _understood(command[3:])
                if arguments is None:
                    yield f"{container.name}: {phase}: gateway.lame_duck does not understand {' '.join(command[3:])}"
                    continue
                directory = str(arguments.runtime_dir)
                volumes = {each.mounts.get(directory) for each in workload.containers}
                if len(volumes) != 1 or None in volumes:
                    yield f"{container.name}: {phase}: {directory} is not shared by all containers"


def rollouts_take_no_pod_away(built: Built) -> Iterator[str]:
    """A pod goes when its successor is ready, and a rollout is not given up while one takes its time to end."""
    for workload, _, _ in built.envoys:
        strategy = find(workload.spec, "spec", "strategy", "rollingUpdate")
        if text(strategy, "maxUnavailable") != "0" or text(strategy, "maxSurge") == "0":
            yield f"{workload.name}: a rolling update takes a pod away before there is another"
        grace = float(text(workload.pod, "terminationGracePeriodSeconds"))
        if float(text(workload.spec, "spec", "progressDeadlineSeconds")) <= grace:
            yield f"{workload.name}: progressDeadlineSeconds is not more than the grace time"


def budgets_select_pods(built: Built) -> Iterator[str]:
    """Each PodDisruptionBudget is some workload's, and each Envoy's workload has one."""
    covered: set[str] = set()
    for budget in built.kind("PodDisruptionBudget"):
        chosen = built.selected(labels(budget, "spec", "selector", "matchLabels"))
        covered |= {each.name for each in chosen}
        if not chosen:
            yield f"PodDisruptionBudget {text(budget, 'metadata', 'name')} selects no pods"
    for workload, _, _ in built.envoys:
        if workload.name not in covered:
            yield f"{workload.name} has no PodDisruptionBudget"


def lame_duck_options(container: Container) -> tuple[float, float] | None:
    """How long a container's preStop waits at least and at most, in seconds; None where it is another."""
    command = strings(container.spec, "lifecycle", "preStop", "exec", "command")
    if command[:4] != [*_HOOK, "enter"]:
        return None
    arguments = _understood(command[3:])
    return (arguments.at_least, arguments.at_most) if arguments else None


def _understood(words: list[str]) -> argparse.Namespace | None:
    """The hook's options; None where it would refuse them."""
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            return lame_duck.parser().parse_args(words)
    except SystemExit:
        return None


def seconds(duration: str) -> float:
    """A duration of the command line, such as `5s`; 0 where there is none."""
    return float(duration.removesuffix("s") or 0)


def _hook_s(container: Container) -> float:
    options = lame_duck_options(container)
    return options[1] if options else float(text(container.spec, "lifecycle", "preStop", "sleep", "seconds") or 0)


def _config(built: Built, container: Container) -> Config | None:
    """The parley.yaml that a container serves by; None where it serves none, or where it is wrong."""
    workload = built.workload(container.workload)
    if container.argv[:2] != ["parley", "serve"] or workload is None:
        return None
    try:
        return parse(built.mounted(workload, container, "/etc/parley").get("parley.yaml", ""))
    except ConfigError:
        return None


RULES = (
    grace_covers_the_stop,
    hooks_wait_for_the_longest_stream,
    hooks_ask_their_envoy,
    rollouts_take_no_pod_away,
    budgets_select_pods,
)
