"""The manifests are good, and each thing that could be wrong in them is found: tried on copies."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from k8s import check, kustomize

BASE, EDGE, MUTUAL, PROD = "base", "base+edge", "base+edge+edge-tls", "overlays/prod"
WHOLE = "base+hpa+monitoring+tracing+redis+vllm-gpu+local-model+gateway-api"
DEPLOYMENT = "base/deployment.yaml"


@dataclass(frozen=True, slots=True)
class Mistake:
    """One wrong word in one file."""

    id: str
    file: str
    right: str
    wrong: str
    found: str
    """A part of what is said of it."""
    composition: str = BASE


MISTAKES = (
    # field names and types
    Mistake("field", DEPLOYMENT, "replicas: 2", "replica: 2", "Additional properties"),
    Mistake("field-of-probe", DEPLOYMENT, "failureThreshold: 90", "failureTreshold: 90", "Additional properties"),
    Mistake("type", DEPLOYMENT, "replicas: 2", 'replicas: "2"', "is not of type 'integer'"),
    Mistake(
        "field-of-route",
        "components/gateway-api/routes.yaml",
        "backendRefs:",
        "backends:",
        "Additional properties",
        WHOLE,
    ),
    Mistake(
        "path-type",
        "components/gateway-api/routes.yaml",
        "PathPrefix, value: /v1",
        "Prefix, value: /v1",
        "is not one of",
        WHOLE,
    ),
    Mistake(
        "field-of-monitor",
        "components/monitoring/monitors.yaml",
        "scrapeTimeout",
        "timeout",
        "Additional properties",
        WHOLE,
    ),
    Mistake(
        "field-of-rule",
        "components/monitoring/rules.yaml",
        "expr: absent",
        "expression: absent",
        "Additional properties",
        WHOLE,
    ),
    # ports
    Mistake("port-of-envoy", DEPLOYMENT, "containerPort: 8080", "containerPort: 8088", "Envoy listens on [8080, 8081]"),
    Mistake(
        "port-of-health", DEPLOYMENT, "containerPort: 8081", "containerPort: 8082", "Envoy listens on [8080, 8081]"
    ),
    Mistake("port-of-metrics", DEPLOYMENT, "containerPort: 9464", "containerPort: 9465", "not on the port metrics"),
    Mistake("port-of-probe", DEPLOYMENT, "grpc: {port: 8081}", "grpc: {port: 8080}", "routes no health service"),
    Mistake(
        "port-of-service",
        "base/services.yaml",
        "port: 80, targetPort: edge",
        "port: 80, targetPort: edgy",
        "port edgy is not in",
    ),
    Mistake(
        "port-of-headless",
        "base/services.yaml",
        "port: 8081, targetPort: health",
        "port: 81, targetPort: health",
        "port 81 is 8081",
    ),
    Mistake(
        "port-of-policy", "base/network-policies.yaml", "port: metrics", "port: metric", "no pod has a port metric"
    ),
    Mistake(
        "port-of-route",
        "components/gateway-api/routes.yaml",
        "{name: parley, port: 80}",
        "{name: parley, port: 81}",
        "port 81",
        WHOLE,
    ),
    Mistake(
        "port-of-monitor",
        "components/monitoring/monitors.yaml",
        "port: metrics, path: /metrics,",
        "port: metric, path: /metrics,",
        "has no port metric",
        WHOLE,
    ),
    Mistake(
        "port-of-parley-yaml",
        "base/parley.yaml",
        "listen: 0.0.0.0:8080",
        "listen: 0.0.0.0:8000",
        "the pod's port edge is 8080",
    ),
    Mistake(
        "loopback-of-metrics",
        "base/parley.yaml",
        "listen: 0.0.0.0:9464",
        "listen: 127.0.0.1:9464",
        "not on the port metrics",
    ),
    # paths
    Mistake("path-of-startup", DEPLOYMENT, "path: /livez", "path: /healthz", "asks /healthz"),
    Mistake("path-of-readiness", DEPLOYMENT, "path: /readyz", "path: /ready", "asks /ready,"),
    Mistake("path-of-liveness", DEPLOYMENT, "path: /metrics,", "path: /metric,", "asks /metric on metrics"),
    Mistake(
        "path-of-monitor",
        "components/monitoring/monitors.yaml",
        "path: /metrics/envoy",
        "path: /envoy",
        "nothing serves /envoy",
        WHOLE,
    ),
    Mistake(
        "path-of-route",
        "components/gateway-api/routes.yaml",
        "value: /v4/beta",
        "value: /v4/alpha",
        "nothing is served below /v4/alpha",
        WHOLE,
    ),
    Mistake(
        "service-of-route",
        "components/gateway-api/routes.yaml",
        "v1.ChatService",
        "v1.TalkService",
        "no gRPC service",
        WHOLE,
    ),
    # who and what
    Mistake("user", DEPLOYMENT, "runAsUser: 65532", "runAsUser: 1000", "the images as 65532:65532"),
    Mistake("root", DEPLOYMENT, "runAsNonRoot: true", "runAsNonRoot: false", "may run as root"),
    Mistake("capabilities", DEPLOYMENT, "drop: [ALL]", "drop: [NET_RAW]", "securityContext is not"),
    Mistake("token", DEPLOYMENT, "automountServiceAccountToken: false", "automountServiceAccountToken: true", "token"),
    Mistake("memory", DEPLOYMENT, 'limits: {cpu: "2", memory: 2Gi}', 'limits: {cpu: "2"}', "limits.memory"),
    Mistake(
        "volume",
        DEPLOYMENT,
        "{name: tmp, mountPath: /tmp}",
        "{name: temp, mountPath: /tmp}",
        "volume temp is not there",
    ),
    Mistake(
        "selector-of-service",
        "base/services.yaml",
        "selector: {app.kubernetes.io/name: parley,",
        "selector: {app.kubernetes.io/name: parly,",
        "selects no pods",
    ),
    Mistake(
        "selector-of-budget",
        "base/disruption-budget.yaml",
        "component: pods",
        "component: pod",
        "has no PodDisruptionBudget",
    ),
    Mistake(
        "default-deny",
        "base/network-policies.yaml",
        "policyTypes: [Ingress, Egress]",
        "policyTypes: [Ingress]",
        "refuses by default",
    ),
    Mistake(
        "account", DEPLOYMENT, "serviceAccountName: parley", "serviceAccountName: parly", "no ServiceAccount parly"
    ),
    Mistake(
        "scaled",
        "components/hpa/autoscaler.yaml",
        "container: service",
        "container: server",
        "no container server",
        WHOLE,
    ),
    Mistake(
        "replicas-and-scaler",
        "components/hpa/kustomization.yaml",
        "op: remove, path: /spec/replicas",
        "op: replace, path: /spec/replicas, value: 3",
        "are said, and scaled",
        WHOLE,
    ),
    # sockets, workers, words
    Mistake("workers", DEPLOYMENT, '--workers, "2"', '--workers, "3"', "not those of 3 workers"),
    Mistake(
        "runtime-dir",
        DEPLOYMENT,
        "--runtime-dir, /run/parley, --workers",
        "--runtime-dir, /tmp, --workers",
        "runtime directory is not /run/parley",
    ),
    Mistake("word", DEPLOYMENT, "--linger, 5s", "--lingers, 5s", "No such option"),
    Mistake("word-of-envoy", DEPLOYMENT, "--disable-hot-restart", "--use-dynamic-base-id", "Envoy is run with"),
    Mistake("config", DEPLOYMENT, "name: parley-envoy}", "name: parley-envy}", "no ConfigMap parley-envy"),
    Mistake(
        "hash",
        "base/kustomization.yaml",
        "files: [generated/envoy.yaml]",
        "files: [generated/envoy.yaml]\n  options: {disableNameSuffixHash: true}",
        "its name has no hash",
    ),
    Mistake(
        "no-hash",
        "base/kustomization.yaml",
        "options: {disableNameSuffixHash: true}",
        "options: {disableNameSuffixHash: false}",
        "its name has a hash",
    ),
    Mistake("key-of-parley-yaml", "base/parley.yaml", "drain: 30s", "drian: 30s", "did you mean drain"),
    Mistake(
        "secret",
        "base/parley.yaml",
        "/etc/parley-vendor-keys/openai",
        "/etc/vendor-keys/openai",
        "no file of a mounted Secret",
    ),
    # the end of a pod
    Mistake(
        "grace",
        DEPLOYMENT,
        "terminationGracePeriodSeconds: 660",
        "terminationGracePeriodSeconds: 640",
        "its end may take",
    ),
    Mistake("drain", "base/parley.yaml", "drain: 30s", "drain: 60s", "its end may take"),
    Mistake("hook-too-short", DEPLOYMENT, '--at-most, "600"', '--at-most, "300"', "a stream may take 600 s"),
    Mistake("hook", DEPLOYMENT, "gateway.lame_duck, enter", "gateway.lameduck, enter", "preStop is not"),
    Mistake(
        "hook-elsewhere",
        DEPLOYMENT,
        "leave, --runtime-dir, /run/parley",
        "leave, --runtime-dir, /run",
        "not shared by all",
    ),
    Mistake("hook-words", DEPLOYMENT, "--at-least", "--atleast", "does not understand"),
    Mistake("no-sidecar", DEPLOYMENT, "        restartPolicy: Always\n", "", "the pod's port edge is None"),
    Mistake("surge", DEPLOYMENT, "maxUnavailable: 0", "maxUnavailable: 1", "takes a pod away"),
    Mistake(
        "probe-missing",
        DEPLOYMENT,
        "        readinessProbe:\n          grpc: {port: 8081}\n          periodSeconds: 5\n          timeoutSeconds: 3\n          failureThreshold: 2\n",
        "",
        "has no readinessProbe",
    ),
    # the edge
    Mistake(
        "name-of-pods", "base/services.yaml", "name: parley-pods", "name: parley-pod", "is not a headless Service", EDGE
    ),
    Mistake(
        "edge-selector",
        "components/edge/kustomization.yaml",
        "value: edge}\n- target: {kind: NetworkPolicy",
        "value: edges}\n- target: {kind: NetworkPolicy",
        "selects no pods",
        EDGE,
    ),
    Mistake("edge-grace", "components/edge/deployment.yaml", "Seconds: 630", "Seconds: 600", "its end may take", EDGE),
    Mistake(
        "tls-protocol",
        "components/edge-tls/kustomization.yaml",
        "value: https",
        "value: kubernetes.io/h2c",
        "appProtocol is not https",
        MUTUAL,
    ),
    Mistake(
        "tls-files",
        "components/edge-tls/kustomization.yaml",
        "  - generated/edge/authority.yaml\n",
        "",
        "there is no /etc/envoy/authority.yaml",
        MUTUAL,
    ),
    Mistake(
        "tls-secret",
        "components/edge-tls/edge.yaml",
        "mountPath: /etc/parley-pods-tls",
        "mountPath: /etc/pods-tls",
        "no mounted Secret",
        MUTUAL,
    ),
    # what is generated
    Mistake("stale", "base/generated/envoy.yaml", "port_value: 8080", "port_value: 8090", "is stale"),
    Mistake(
        "stale-dashboard",
        "components/monitoring/generated/parley.json",
        "parley_requests_total",
        "parley_request_total",
        "is stale",
    ),
    Mistake(
        "refused-by-envoy",
        "base/generated/envoy.yaml",
        "lb_policy: LEAST_REQUEST",
        "lb_policy: LEAST_REQUESTS",
        "Envoy refuses",
    ),
    Mistake("build", "base/kustomization.yaml", "- services.yaml", "- service.yaml", "service.yaml"),
)


def test_every_composition_is_good() -> None:
    assert check.problems() == []


def test_every_component_and_overlay_is_composed() -> None:
    composed = {component for each in kustomize.compositions() for component in each.components}
    assert composed == {path.name for path in (kustomize.ROOT / "components").iterdir()}
    overlays = {each.overlay for each in kustomize.compositions()} - {None}
    assert overlays == {path.name for path in (kustomize.ROOT / "overlays").iterdir()}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return shutil.copytree(kustomize.ROOT, tmp_path / "k8s", ignore=shutil.ignore_patterns("__pycache__", "*.py"))


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.id)
def test_a_mistake_is_found(copy: Path, mistake: Mistake) -> None:
    file = copy / mistake.file
    text = file.read_text()
    assert mistake.right in text
    file.write_text(text.replace(mistake.right, mistake.wrong))
    found = check.problems(copy, mistake.composition)
    assert any(mistake.found in problem for problem in found), found


def test_the_command_fails_where_something_is_wrong(copy: Path) -> None:
    command = [sys.executable, "-m", "k8s.check", "--root", str(copy), "--only", BASE]
    good = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (good.returncode, good.stderr) == (0, "")
    file = copy / DEPLOYMENT
    file.write_text(file.read_text().replace("path: /readyz", "path: /ready"))
    bad = subprocess.run(command, capture_output=True, text=True, check=False)
    assert bad.returncode == 1
    assert "readinessProbe asks /ready" in bad.stderr
