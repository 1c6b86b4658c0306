"""What is not asked for costs nothing: no metrics are kept, and OpenTelemetry is not even imported."""

import subprocess
import sys

import pytest

from service.config import Config
from service.config.watching import Tracing
from service.log import Log
from service.pipeline.trace import trace_id_of
from service.telemetry.worker_telemetry import WorkerTelemetry


def test_without_an_endpoint_opentelemetry_is_not_imported() -> None:
    code = "import sys, service.worker; print([name for name in sys.modules if name.startswith('opentelemetry')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_default_is_a_log_line_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)
    telemetry = WorkerTelemetry.of(Config(), Log(lambda _line, _at_once: None))
    assert len(telemetry.accounting.observers) == 1
    assert telemetry.accounting.tracer is None
    assert telemetry.metrics() == ()


def test_the_environment_turns_tracing_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4317")
    assert Tracing().receiver == "http://127.0.0.1:4317"
    assert Tracing(endpoint="http://127.0.0.1:1").receiver == "http://127.0.0.1:1"


@pytest.mark.parametrize(
    ("traceparent", "trace_id"),
    [
        ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "0af7651916cd43dd8448eb211c80319c"),
        ("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more", "0af7651916cd43dd8448eb211c80319c"),
        ("ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", ""),
        ("00-00000000000000000000000000000000-b7ad6b7169203331-01", ""),
        ("00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", ""),
        ("00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", ""),
        ("", ""),
    ],
)
def test_a_trace_context_is_read_as_w3c_says(traceparent: str, trace_id: str) -> None:
    assert trace_id_of(traceparent) == trace_id
