"""A pod as its manifest describes it, run as processes: it restarts, it leaves, and it tells the metrics that are used."""

import asyncio
import re
from collections.abc import AsyncGenerator

import aiohttp
import pytest
import pytest_asyncio
from prometheus_client.parser import text_string_to_metric_families

from k8s import dashboard
from k8s.document import nodes, text
from k8s.kustomize import Composition, build
from k8s.workload import Built
from tests.k8s.cluster import KEY, MODEL, cluster
from tests.k8s.kubelet import Pod
from tests.k8s.paced_vendor import TEXT, paced_vendor

pytestmark = pytest.mark.timeout(180)

ENVOY_ONLY_WHEN_IT_HAPPENS = {"envoy_http_downstream_cx_overload_reject"}
"""Counters that Envoy shows from their first increment."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def pod() -> AsyncGenerator[Pod]:
    async with paced_vendor() as vendor, cluster(vendor.base_url, "monitoring", "hpa") as running:
        yield await running.add()


async def asked(pod: Pod, *, stream: bool = False) -> tuple[int, str, str]:
    """A request to the pod's Envoy, answered to its end: status, the header connection, body."""
    body: dict[str, object] = {"model": MODEL, "messages": [{"role": "user", "content": "?"}], "stream": stream}
    if not stream:
        body["max_completion_tokens"] = 1
    async with (
        aiohttp.ClientSession(headers={"x-api-key": KEY}) as session,
        session.post(f"http://{pod.address}:{pod.ports[8080]}/v1/chat/completions", json=body) as response,
    ):
        return response.status, response.headers.get("connection", ""), await response.text()


async def test_readiness_fails_and_requests_are_served_until_the_last_stream_has_ended(pod: Pod) -> None:
    stream = asyncio.create_task(asked(pod, stream=True))
    leaving = asyncio.create_task(pod.hook("preStop"))
    async with asyncio.timeout(30):
        while (await pod.get(8081, "/readyz"))[0] != 503:
            pass
    assert (await pod.get(8081, "/livez"))[0] == 200
    # A caller that comes late is told to come by another connection.
    assert (await asked(pod))[:2] == (200, "close")
    assert not leaving.done()
    _, _, body = await stream
    assert "".join(re.findall(r'"content":"(\d+ )"', body)) == TEXT
    assert body.endswith("data: [DONE]\n\n")
    await leaving
    await pod.hook("postStart")
    assert (await pod.get(8081, "/readyz"))[0] == 200


@pytest.mark.parametrize("container", ["envoy", "service"])
async def test_a_container_that_was_killed_comes_back_in_the_same_pod(pod: Pod, container: str) -> None:
    await pod.restart(container)
    assert (await asked(pod))[0] == 200


async def test_a_service_that_starts_again_takes_back_what_its_predecessor_told_envoy(pod: Pod) -> None:
    await pod.hook("preStop")
    assert (await pod.get(8081, "/readyz"))[0] == 503
    await pod.restart("service")
    assert (await asked(pod))[0] == 200


async def test_every_metric_of_dashboard_alerts_and_autoscaler_is_told(pod: Pod) -> None:
    await asked(pod)
    told: dict[str, set[str]] = {}
    for path in ("/metrics", "/metrics/envoy"):
        status, body = await pod.get(9464, path)
        assert status == 200
        for family in text_string_to_metric_families(body):
            told.setdefault(family.name, set())
            for sample in family.samples:
                told.setdefault(sample.name, set()).update(sample.labels)
    built = Built(build(Composition("signals", ("monitoring", "hpa"))))
    queries = [
        text(rule, "expr")
        for each in built.kind("PrometheusRule")
        for group in nodes(each, "spec", "groups")
        for rule in nodes(group, "rules")
    ]
    queries += dashboard.queries()
    queries += [
        text(m, "pods", "metric", "name")
        for each in built.kind("HorizontalPodAutoscaler")
        for m in nodes(each, "spec", "metrics")
    ]
    used = {name for query in queries for name in re.findall(r"\b(?:parley|envoy|process)_[a-z_]+", query)}
    # Labels of Envoy's that a query groups by look like names of metrics.
    used -= {"envoy_http_conn_manager_prefix", "envoy_response_code_class", "envoy_cluster_name"}
    assert len(used) > 20
    # A counter without a sample has its family alone.
    missing = {name for name in used if name not in told and name.removesuffix("_total") not in told}
    missing = {name for name in missing if name.removesuffix("_bucket") not in told}
    assert missing <= ENVOY_ONLY_WHEN_IT_HAPPENS
