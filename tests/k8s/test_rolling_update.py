"""A rolling update, played with processes by the manifests' own commands, hooks, signals and grace times."""

import asyncio

import pytest

from k8s.document import text
from tests.k8s.cluster import cluster
from tests.k8s.kubelet import Pod
from tests.k8s.load import load
from tests.k8s.paced_vendor import paced_vendor

STREAMS = 100
REQUESTS_PER_SECOND = 50


@pytest.mark.timeout(240)
async def test_replicas_are_replaced_under_load_and_nothing_is_lost() -> None:
    async with paced_vendor() as vendor, cluster(vendor.base_url, "edge") as running:
        old = [await running.add(), await running.add()]
        edge = await running.add_edge()
        workload = old[0].workload
        assert text(workload.spec, "spec", "replicas") == str(len(old))
        target = f"{edge.address}:{edge.ports[8080]}"
        new: list[Pod] = []
        async with load(target, streams=STREAMS, requests_per_second=REQUESTS_PER_SECOND) as seen:
            await asyncio.wait_for(seen.all_live(), 60)
            for pod in old:
                # maxSurge 1, maxUnavailable 0: a replica goes when its successor is ready.
                new.append(await running.add())
                before = await streams_of(pod)
                assert before > 0, "the pod that goes has no streams to lose"
                ended = await running.remove(pod)
                assert ended == {"parley/envoy": 0, "parley/service": 0}, pod.log("service")
        assert seen.lost == [], f"{len(seen.lost)} lost, of {sum(seen.whole.values())}"
        assert set(seen.whole) == {"stream REST", "stream gRPC", "request REST", "request gRPC"}
        assert seen.whole["stream REST"] + seen.whole["stream gRPC"] >= 2 * STREAMS
        for pod in new:
            assert await answered_by(pod) > 0


async def streams_of(pod: Pod) -> int:
    """The streams that a pod has in flight, by its own metrics."""
    return await total(pod, "parley_streams_in_flight")


async def answered_by(pod: Pod) -> int:
    return await total(pod, "parley_requests_total")


async def total(pod: Pod, metric: str) -> int:
    status, body = await pod.get(9464, "/metrics")
    assert status == 200, body
    return sum(int(float(line.rpartition(" ")[2])) for line in body.splitlines() if line.startswith(f"{metric}{{"))
