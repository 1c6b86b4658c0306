"""Envoy's own spans are rendered into its configuration only where they are asked for, and Envoy takes it."""

import subprocess

import pytest
import yaml

import gateway
from gateway.tracing import CLUSTER, EdgeTracing
from service.config.watching import Tracing
from service.supervisor.envoy import edge_tracing
from tests.gateway.edge import Address, runtime_directory


@pytest.mark.parametrize("receiver", ["http://127.0.0.1:4317", "http://collector:4317", "https://otlp.example.com"])
def test_envoy_takes_what_is_rendered(receiver: str) -> None:
    with runtime_directory() as directory:
        tracing = EdgeTracing.to(receiver, sample=0.25)
        path = gateway.render(listen=Address("127.0.0.1", 1), runtime_dir=directory, workers=1, tracing=tracing)
        command = [*gateway.command(path, concurrency=1), "--mode", "validate"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        clusters = yaml.safe_load(path.read_text())["static_resources"]["clusters"]
    (cluster,) = [cluster for cluster in clusters if cluster["name"] == CLUSTER]
    assert ("transport_socket" in cluster) is receiver.startswith("https")


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        (Tracing(), None),
        (Tracing(endpoint="http://h:1"), None),
        (Tracing(edge=True), None),
        (Tracing(endpoint="http://h:1", edge=True, sample=0.5), EdgeTracing("h", 1, tls=False, sample=0.5)),
        (Tracing(endpoint="https://h", edge=True), EdgeTracing("h", 4317, tls=True, sample=0.1)),
    ],
)
def test_it_is_off_unless_it_is_asked_for(
    settings: Tracing, wanted: EdgeTracing | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)
    assert edge_tracing(settings) == wanted
