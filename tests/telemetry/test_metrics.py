"""What one scrape shows, read by Prometheus' own parsers."""

import asyncio
import json
from pathlib import Path

import aiohttp
import grpc.aio
import pytest
from parley.chat.v1.chat_service_pb2_grpc import ChatServiceStub
from prometheus_client.parser import text_string_to_metric_families

from service.config.values import Address
from service.telemetry.endpoint import Sources, serving_metrics
from tests import vendor as v
from tests.end_to_end.calls import PATH, body, failure_of, message, post
from tests.stack import Vendors
from tests.telemetry.stage import LIMIT_S, Stage
from tests.vendor import unused_port

STREAM = v.stream_bytes(v.recording("openai-stream-usage.sse"))
EVENTS = tuple(event + b"\n\n" for event in v.recording("openai-stream-usage.sse").split(b"\n\n") if event)
ANSWER = v.json_answer(v.recording("openai-unary.json"))
DOWN = v.openai_error(503, "down")


async def reaches(stage: Stage, value: float, name: str, **labels: str) -> None:
    """Returns when a series has a value."""
    async with asyncio.timeout(LIMIT_S):
        while await stage.value(name, **labels) != value:
            pass


async def test_a_stream_is_in_flight_until_it_ends_and_then_measured(stage: Stage, vendors: Vendors) -> None:
    model, gate = vendors.model(), asyncio.Event()
    vendors.scripted.always(v.stream(*EVENTS[:3], gate, *EVENTS[3:]), model=model)
    labels = {"model": "scripted/*", "vendor": "scripted"}
    names = ("parley_time_to_first_token_seconds_count", "parley_time_per_output_chunk_seconds_count")
    before = [await stage.value(name, **labels) for name in names]
    tokens = [await stage.value("parley_tokens_total", kind=kind, **labels) for kind in ("prompt", "completion")]
    reading = asyncio.create_task(post(stage.parley, body(f"scripted/{model}", stream=True)))
    await reaches(stage, 1, "parley_streams_in_flight", face="rest")
    assert await stage.value("parley_requests_in_flight", face="rest") == 1
    assert await stage.value("parley_deployment_in_flight", **labels) == 1
    gate.set()
    answer = await reading
    assert answer.events[-1] == "[DONE]"
    await reaches(stage, 0, "parley_streams_in_flight", face="rest")
    assert [await stage.value(name, **labels) for name in names] == [count + 1 for count in before]
    after = [await stage.value("parley_tokens_total", kind=kind, **labels) for kind in ("prompt", "completion")]
    assert all(new > old for new, old in zip(after, tokens, strict=True))


@pytest.mark.parametrize(
    ("key", "data", "outcome"),
    [
        ("parley-no-such-key", body("fake/ok"), "invalid_api_key"),
        ("", b"{", "invalid_json"),
        ("", body("nobody/has-this"), "model_not_found"),
    ],
    ids=["key", "json", "model"],
)
async def test_what_is_refused_at_the_door_is_counted_and_logged(
    stage: Stage, key: str, data: dict[str, object] | bytes, outcome: str
) -> None:
    labels = {"face": "rest", "model": "unknown", "vendor": "none", "outcome": outcome}
    before = await stage.value("parley_requests_total", **labels)
    await post(stage.parley, data, key=key, headers={"x-request-id": f"door-{outcome}"})
    await reaches(stage, before + 1, "parley_requests_total", **labels)
    log = await stage.parley.log_with(f"door-{outcome}")
    lines = [json.loads(line) for line in log.splitlines() if f"door-{outcome}" in line]
    assert [line["outcome"] for line in lines if line["logger"] == "parley.request"] == [outcome]


async def test_a_wrong_key_over_grpc_is_counted_too(stage: Stage, channel: grpc.aio.Channel) -> None:
    labels = {"face": "grpc", "outcome": "invalid_api_key"}
    before = await stage.value("parley_requests_total", **labels)
    caller = ChatServiceStub(channel)
    await failure_of(caller.CreateCompletion(message("fake/ok"), metadata=(("x-api-key", "no"),)))
    await failure_of(caller.StreamCompletion(message("fake/ok"), metadata=(("x-api-key", "no"),)))
    await reaches(stage, before + 2, "parley_requests_total", **labels)


async def test_retries_fallbacks_and_the_vendors_errors_are_counted(stage: Stage, vendors: Vendors) -> None:
    before = [
        await stage.value("parley_retries_total", model="scripted/again"),
        await stage.value("parley_attempts_total", model="scripted/again", vendor="scripted"),
        await stage.value("parley_upstream_errors_total", model="scripted/again", kind="unavailable"),
    ]
    vendors.scripted.answer(DOWN, DOWN, ANSWER)
    assert (await post(stage.parley, body("scripted/again"))).status == 200
    await reaches(stage, before[0] + 2, "parley_retries_total", model="scripted/again")
    assert await stage.value("parley_attempts_total", model="scripted/again", vendor="scripted") == before[1] + 3
    errors = {"model": "scripted/again", "kind": "unavailable"}
    assert await stage.value("parley_upstream_errors_total", **errors) == before[2] + 2

    to = {"model": "scripted/guarded", "to": "scripted/*"}
    fallbacks = await stage.value("parley_fallbacks_total", **to)
    vendors.scripted.always(DOWN, model="guarded")
    vendors.scripted.always(ANSWER, model="spare")
    assert (await post(stage.parley, body("scripted/guarded"))).status == 200
    await reaches(stage, fallbacks + 1, "parley_fallbacks_total", **to)


async def test_a_line_before_a_deployment_is_shown_and_measured(stage: Stage, vendors: Vendors) -> None:
    gate = asyncio.Event()
    vendors.scripted.answer(v.stream(*EVENTS[:2], gate, *EVENTS[2:]), STREAM)
    waited = await stage.value("parley_queue_wait_seconds_count", model="scripted/lined")
    first = asyncio.create_task(post(stage.parley, body("scripted/lined", stream=True)))
    await reaches(stage, 1, "parley_deployment_in_flight", model="scripted/lined", deployment="a")
    second = asyncio.create_task(post(stage.parley, body("scripted/lined", stream=True)))
    await reaches(stage, 1, "parley_queue_length", model="scripted/lined", vendor="scripted", deployment="a")
    gate.set()
    assert {answer.events[-1] for answer in await asyncio.gather(first, second)} == {"[DONE]"}
    await reaches(stage, waited + 1, "parley_queue_wait_seconds_count", model="scripted/lined")
    assert await stage.value("parley_queue_length", model="scripted/lined") == 0


async def test_a_comment_that_keeps_a_stream_alive_is_counted(stage: Stage, vendors: Vendors) -> None:
    model, gate = vendors.model(), asyncio.Event()
    vendors.scripted.always(v.stream(*EVENTS[:3], gate, *EVENTS[3:]), model=model)
    before = await stage.value("parley_keep_alive_comments_total")
    async with (
        aiohttp.ClientSession() as session,
        session.post(
            stage.parley.base_url + PATH,
            json=body(f"scripted/{model}", stream=True),
            headers={"x-api-key": stage.parley.api_key},
        ) as answer,
    ):
        read = b""
        while b": keep-alive" not in read:
            read += await answer.content.readany()
        gate.set()
        read += await answer.read()
    async with asyncio.timeout(LIMIT_S):
        while await stage.value("parley_keep_alive_comments_total") <= before:
            pass


async def test_a_field_that_was_left_out_is_counted_by_its_name(stage: Stage) -> None:
    labels = {"model": "fake/ok", "field": "top_k"}
    before = await stage.value("parley_dropped_fields_total", **labels)
    headers = {"x-parley-unsupported": "warn"}
    assert (await post(stage.parley, body("fake/ok", top_k=5), headers=headers)).headers["x-parley-dropped"] == "top_k"
    await reaches(stage, before + 1, "parley_dropped_fields_total", **labels)


async def test_a_thousand_invented_names_make_no_new_series(stage: Stage, vendors: Vendors) -> None:
    vendors.scripted.always(ANSWER, model="warm")
    async with stage.parley.channel() as channel:
        caller = ChatServiceStub(channel)

        async def ask(model: str) -> None:
            call = caller.CreateCompletion(message(model), metadata=stage.parley.metadata)
            await asyncio.gather(call, return_exceptions=True)

        # One of each kind, so that what all of them share is there.
        for model in ("invented/0", "scripted/0"):
            await ask(model)
        await reaches(stage, 0, "parley_requests_in_flight")
        before = {(s.name, tuple(sorted(s.labels.items()))) for s in await stage.samples()}
        for start in range(0, 1000, 100):
            await asyncio.gather(
                *(ask(f"{('invented', 'scripted')[number % 2]}/{number}") for number in range(start, start + 100))
            )
        await reaches(stage, 0, "parley_requests_in_flight")
    after = {(s.name, tuple(sorted(s.labels.items()))) for s in await stage.samples()}
    assert after == before


async def test_prometheus_gets_the_format_that_it_asks_for(stage: Stage) -> None:
    status, kind, text = await stage.page()
    assert (status, kind.partition(";")[0]) == (200, "application/openmetrics-text")
    assert text.endswith("# EOF\n")
    status, kind, text = await stage.page(accept="text/plain")
    assert (status, kind.partition(";")[0]) == (200, "text/plain")
    names = {family.name for family in text_string_to_metric_families(text)}
    assert {"parley_requests", "process_resident_memory_bytes", "parley_event_loop_lag_seconds"} <= names


async def test_envoys_own_metrics_are_on_the_same_port(stage: Stage) -> None:
    status, kind, text = await stage.page("/metrics/envoy")
    assert (status, kind.partition(";")[0]) == (200, "text/plain")
    samples = [s for family in text_string_to_metric_families(text) for s in family.samples]
    names = {sample.name for sample in samples}
    assert {"envoy_server_live", "envoy_http_downstream_rq_active", "envoy_cluster_membership_healthy"} <= names


async def test_what_does_not_answer_is_told_and_holds_up_nobody(tmp_path: Path) -> None:
    listen = Address("127.0.0.1", unused_port())
    async with (
        serving_metrics(listen, Sources(tmp_path, 2, tmp_path / "envoy-admin.sock")),
        aiohttp.ClientSession(f"http://{listen}") as session,
    ):
        async with session.get("/metrics") as answer:
            assert answer.status == 200
            lines = (await answer.text()).splitlines()
        assert [line for line in lines if line.startswith("parley_worker_up{")] == [
            'parley_worker_up{worker="0"} 0.0',
            'parley_worker_up{worker="1"} 0.0',
        ]
        async with session.get("/metrics/envoy") as answer:
            assert answer.status == 503
