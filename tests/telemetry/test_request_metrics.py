"""What one request's record adds to the metrics."""

from dataclasses import replace

import pytest
from parley.chat.v1.completion_pb2 import CompletionRequest, Usage
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from service.auth import Caller
from service.config.load import parse
from service.errors import ApiError, Kind, Upstream
from service.pipeline.context import RequestContext
from service.pipeline.record import AttemptRecord, Record
from service.pipeline.report import Report
from service.routing import Router
from service.routing.pool import Place
from service.routing.table import build
from service.telemetry.request_metrics import RequestMetrics
from service.telemetry.snapshot import Merged, take
from service.waiting import Waiting

MODEL = "near/by"


def place() -> Place:
    config = parse("vendors: {near: {dialect: openai, base_url: 'http://h/v1'}}\nmodels: {near/by: {}}")
    return Router(build(config)).route(MODEL).pool.choose(MODEL, CompletionRequest(), [])


def record(*, request_id: str = "r", dropped: tuple[str, ...] = ()) -> Record:
    context = RequestContext(request_id, Caller("c"), "rest", report=Report(dropped=list(dropped)))
    return Record(context, "whatever", stream=True, model=MODEL, outcome="ok", place=place(), seconds=2.0)


def observed(*records: Record) -> CollectorRegistry:
    registry = CollectorRegistry()
    metrics = RequestMetrics(registry)
    for each in records:
        metrics.began(each)
        metrics.ended(each)
    return registry


def shown(source: Collector) -> str:
    encode, _ = choose_encoder("application/openmetrics-text; version=1.0.0")
    return encode(source).decode()


def test_fields_outside_the_contract_share_one_series() -> None:
    registry = observed(record(dropped=("logit_bias", "my_own_1", "my_own_2.inner", "messages[0].name")))
    fields = {
        sample.labels["field"]: sample.value
        for family in registry.collect()
        for sample in family.samples
        if sample.name == "parley_dropped_fields_total"
    }
    assert fields == {"logit_bias": 1, "other": 2, "messages": 1}


@pytest.mark.parametrize(("request_id", "named"), [("x" * 60, True), ("x" * 128, False)])
def test_an_exemplar_is_never_longer_than_openmetrics_allows(request_id: str, *, named: bool) -> None:
    sampled = replace(record(request_id=request_id), trace_id="a" * 32, sampled=True)
    text = shown(observed(sampled))
    assert 'trace_id="' + "a" * 32 in text
    assert (f'request_id="{request_id}"' in text) is named


def test_what_is_not_sampled_is_no_exemplar() -> None:
    text = shown(observed(replace(record(), trace_id="a" * 32)))
    assert "trace_id" not in text


def test_a_hedge_is_won_by_who_answers_and_its_loser_is_no_failure() -> None:
    first = AttemptRecord(MODEL, place(), CompletionRequest(), outcome="cancelled")
    won = AttemptRecord(MODEL, place(), CompletionRequest(), hedge=True, answers=True, outcome="ok")
    lost = AttemptRecord(MODEL, place(), CompletionRequest(), hedge=True, outcome="cancelled")
    registry = observed(replace(record(), attempts=[first, won]), replace(record(), attempts=[won, lost]))
    assert registry.get_sample_value("parley_hedges_total", {"model": MODEL, "outcome": "won"}) == 2
    assert registry.get_sample_value("parley_hedges_total", {"model": MODEL, "outcome": "lost"}) == 1
    assert registry.get_sample_value("parley_attempts_total", {"model": MODEL, "vendor": "near"}) == 4
    labels = {"model": MODEL, "vendor": "near", "kind": "cancelled"}
    assert registry.get_sample_value("parley_upstream_errors_total", labels) is None


def test_tokens_are_counted_by_kind() -> None:
    usage = Usage(prompt_tokens=10, completion_tokens=5)
    usage.prompt_tokens_details.cached_tokens = 4
    usage.completion_tokens_details.reasoning_tokens = 3
    registry = observed(replace(record(), usage=usage), replace(record(), tokens_estimated=7))
    kinds = {"prompt": 10, "completion": 5, "cached": 4, "reasoning": 3, "completion_estimated": 7}
    for kind, number in kinds.items():
        labels = {"model": MODEL, "vendor": "near", "caller": "c", "kind": kind}
        assert registry.get_sample_value("parley_tokens_total", labels) == number


def test_the_time_between_chunks_is_a_streams_mean() -> None:
    told = replace(record(), first_chunk=1.0, last_chunk=2.0, chunks=11)
    whole = replace(told, stream=False)
    single = replace(told, chunks=1)
    registry = observed(told, whole, single)
    labels = {"model": MODEL, "vendor": "near"}
    assert registry.get_sample_value("parley_time_per_output_chunk_seconds_count", labels) == 1
    assert registry.get_sample_value("parley_time_per_output_chunk_seconds_sum", labels) == pytest.approx(0.1)
    assert registry.get_sample_value("parley_time_to_first_token_seconds_count", labels) == 3


def test_the_vendors_own_code_is_no_label() -> None:
    error = ApiError(Kind.REFUSED, "no", upstream=Upstream("near", 400, "some_code_of_the_vendors"))
    attempt = AttemptRecord(MODEL, place(), CompletionRequest(), outcome=Kind.REFUSED.value.code, error=error)
    text = shown(observed(replace(record(), attempts=[attempt], error=error)))
    assert "some_code_of_the_vendors" not in text


def test_workers_are_merged_under_their_labels() -> None:
    parts = {str(index): take(observed(*[record()] * (index + 1))) for index in range(2)}
    text = shown(Merged(parts, CollectorRegistry()))
    assert text.count("# TYPE parley_requests counter") == 1
    for worker, number in (("0", 1.0), ("1", 2.0)):
        wanted = f'caller="c",face="rest",model="{MODEL}",outcome="ok",vendor="near",worker="{worker}"}} {number}'
        assert f"parley_requests_total{{{wanted}" in text
    assert "_created" not in text


def test_waits_that_overlap_count_once() -> None:
    now = [0.0]
    waiting = Waiting(lambda: now[0])
    waiting.__enter__()
    now[0] = 1.0
    with waiting.line():
        now[0] = 3.0
    assert (waiting.seconds, waiting.queued) == (3.0, 2.0)
    now[0] = 4.0
    waiting.__exit__(None, None, None)
    now[0] = 10.0
    assert waiting.seconds == 4.0
    with waiting:
        now[0] = 10.5
    assert (waiting.seconds, waiting.queued) == (4.5, 2.0)
