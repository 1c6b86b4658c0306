"""docs/observability.md names all that is told, and nothing else."""

import inspect
import re

from prometheus_client import CollectorRegistry

from docs.pages.observability import ATTRIBUTES, FIELDS
from service.pipeline import request_log
from service.telemetry import attributes
from service.telemetry.metric import LABELS, METRICS
from service.telemetry.request_metrics import RequestMetrics


def test_every_field_of_a_requests_line_is_there() -> None:
    source = inspect.getsource(request_log.fields)
    found = re.findall(r'^        "(\w+)":|line\["(\w+)"\]', source, re.MULTILINE)
    assert {first or second for first, second in found} == set(FIELDS)


def test_every_attribute_of_a_span_is_there() -> None:
    source = inspect.getsource(attributes)
    names = set(re.findall(r'"((?:parley|gen_ai|rpc|server|http|error)\.[a-z_.]+)"', source))
    assert names - {"parley.chat.v1.RestService", "parley.chat.v1.ChatService"} == set(ATTRIBUTES)


def test_every_metric_has_a_row_and_every_label_a_meaning() -> None:
    registry = CollectorRegistry()
    RequestMetrics(registry)
    rows = {row.name: row for row in METRICS}
    assert len(rows) == len(METRICS)
    assert {family.name for family in registry.collect()} <= set(rows)
    assert {label for row in METRICS for label in row.labels} <= set(LABELS)
