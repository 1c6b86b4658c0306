"""What a good pod is, whatever it runs: its rights, its resources, its names."""

import re
from collections.abc import Iterator
from pathlib import Path

from k8s.document import find, labels, nodes, text
from k8s.workload import Built

_DOCKERFILES = tuple(Path(__file__).parents[2] / part / "Dockerfile" for part in ("service", "gateway"))
_RECOMMENDED = ("app.kubernetes.io/name", "app.kubernetes.io/part-of", "app.kubernetes.io/component")


def pods_have_no_rights(built: Built) -> Iterator[str]:
    """No root, no capabilities, no writable root, no token of the cluster's API."""
    for workload in built.workloads:
        context = find(workload.pod, "securityContext")
        if find(context, "runAsNonRoot") is not True or text(context, "seccompProfile", "type") != "RuntimeDefault":
            yield f"{workload.name}: its pods may run as root, or without seccomp"
        if find(workload.pod, "automountServiceAccountToken") is not False:
            yield f"{workload.name}: its pods get a token of the cluster's API"
        for container in workload.containers:
            own = find(container.spec, "securityContext")
            wanted = {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            if own != wanted:
                yield f"{container.name}: its securityContext is not {wanted}"


def pods_run_as_the_images_do(built: Built) -> Iterator[str]:
    """The user of a pod is the images', whose files it can read and whose sockets both containers can open."""
    users = {match for file in _DOCKERFILES for match in re.findall(r"^USER (\S+)$", file.read_text(), re.MULTILINE)}
    if len(users) != 1:
        yield f"the Dockerfiles end as different users: {', '.join(sorted(users))}"
    for workload in built.workloads:
        context = find(workload.pod, "securityContext")
        user = f"{text(context, 'runAsUser')}:{text(context, 'runAsGroup')}"
        if {user} != users or text(context, "fsGroup") != text(context, "runAsGroup"):
            yield f"{workload.name}: it runs as {user}, the images as {', '.join(users)}"


def resources_are_said(built: Built) -> Iterator[str]:
    """Requests for the scheduler, and a limit of the memory."""
    for workload in built.workloads:
        for container in workload.containers:
            resources = find(container.spec, "resources")
            for place in (("requests", "cpu"), ("requests", "memory"), ("limits", "memory")):
                if not text(resources, *place):
                    yield f"{container.name}: resources.{'.'.join(place)} is not said"


def pods_are_labelled(built: Built) -> Iterator[str]:
    """With what Services, policies and people find them by; the selector is among it."""
    for workload in built.workloads:
        for label in _RECOMMENDED:
            if label not in workload.labels:
                yield f"{workload.name}: its pods have no label {label}"
        if not labels(workload.spec, "spec", "selector", "matchLabels").items() <= workload.labels.items():
            yield f"{workload.name}: its selector is not among its pods' labels"


def volumes_are_there(built: Built) -> Iterator[str]:
    """What is mounted is a volume, and a volume is mounted; ConfigMaps and accounts exist."""
    accounts = {text(each, "metadata", "name") for each in built.kind("ServiceAccount")}
    for workload in built.workloads:
        volumes = {text(each, "name") for each in nodes(workload.pod, "volumes")}
        mounted = {name for container in workload.containers for name in container.mounts.values()}
        for name in volumes ^ mounted:
            yield f"{workload.name}: volume {name} is {'not mounted' if name in volumes else 'not there'}"
        for volume in nodes(workload.pod, "volumes"):
            name = text(volume, "configMap", "name")
            if name and not built.files(name):
                yield f"{workload.name}: there is no ConfigMap {name}"
        if text(workload.pod, "serviceAccountName") not in accounts:
            yield f"{workload.name}: there is no ServiceAccount {text(workload.pod, 'serviceAccountName')}"


def scaled_workloads_have_no_count(built: Built) -> Iterator[str]:
    """What an autoscaler counts, the manifest must not; its target and the container that it measures exist."""
    for scaler in built.kind("HorizontalPodAutoscaler"):
        workload = built.workload(text(scaler, "spec", "scaleTargetRef", "name"))
        if workload is None:
            yield f"HorizontalPodAutoscaler {text(scaler, 'metadata', 'name')} scales nothing that is there"
            continue
        if find(workload.spec, "spec", "replicas") is not None:
            yield f"{workload.name}: replicas are said, and scaled"
        names = {text(container.spec, "name") for container in workload.containers}
        for metric in nodes(scaler, "spec", "metrics"):
            named = text(metric, "containerResource", "container")
            if named and named not in names:
                yield f"{workload.name}: there is no container {named} to scale by"


def no_secret_is_written(built: Built) -> Iterator[str]:
    """Secrets come from elsewhere; none is in the repository."""
    for secret in built.kind("Secret"):
        yield f"Secret {text(secret, 'metadata', 'name')} is written in the manifests"


RULES = (
    pods_have_no_rights,
    pods_run_as_the_images_do,
    resources_are_said,
    pods_are_labelled,
    volumes_are_there,
    scaled_workloads_have_no_count,
    no_secret_is_written,
)
