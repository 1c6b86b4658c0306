"""Fields whose effect neither the embedded model nor vLLM can show: what goes out, and what comes back, byte for byte."""

import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any, cast

import grpc.aio
import pytest
import pytest_asyncio
from parley.chat.v1.chat_service_pb2_grpc import ChatServiceStub

from tests.conformance.openai import DONE, chunk, usage, whole
from tests.end_to_end.calls import RestAnswer, body, message, post
from tests.end_to_end.test_processes import children_of
from tests.stack import LOCAL_MODEL, ConfigData, Parley, Vendors, configuration, running
from tests.variant import Variant, each, name_of
from tests.vendor import json_answer, recording, stream

ANSWER = json_answer(recording("openai-unary.json"))
SCHEMA = '{"type":"object","properties":{"z":{"const":1.50},"a":{"maximum":12345678901234567890123}},"required":["z"]}'


@pytest_asyncio.fixture(scope="module", loop_scope="session", params=each(), ids=name_of)
async def parley(
    request: pytest.FixtureRequest, vendors: Vendors, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Parley]:
    """One of its own, in each way, without the embedded model."""
    variant: Variant = request.param
    config = configuration(vendors)
    models = {name: model for name, model in cast("ConfigData", config["models"]).items() if name != LOCAL_MODEL}
    async with running({**config, "models": models, **variant.settings}, tmp_path_factory.mktemp("ways")) as started:
        yield started


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def channel(parley: Parley) -> AsyncGenerator[grpc.aio.Channel]:
    async with parley.channel() as opened:
        yield opened


async def exchange(
    parley: Parley, vendors: Vendors, fields: dict[str, Any], answer: Any = ANSWER, **headers: str
) -> tuple[RestAnswer, dict[str, Any]]:
    """The caller's answer, and the body that the vendor got."""
    model = vendors.model()
    vendors.scripted.always(answer, model=model)
    told = await post(parley, {**body(f"scripted/{model}"), **fields}, headers=headers)
    assert told.status == 200, told.body
    return told, vendors.scripted.requests[-1].json


SENT: list[dict[str, Any]] = [
    {"user": "ann"},
    {"metadata": {"team": "a", "run": "7"}},
    {"store": True},
    {"store": False},
    {"reasoning_effort": "high"},
    {"prediction": {"type": "content", "content": "def f(): pass"}},
    {"prediction": {"type": "content", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}},
    {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "wav"}},
    {"parallel_tool_calls": False, "tools": [{"type": "function", "function": {"name": "f"}}]},
    {"temperature": 0, "top_p": 0, "frequency_penalty": 0, "presence_penalty": 0, "seed": 0},
    {"max_tokens": 5},
    {"max_completion_tokens": 5},
    {"n": 2},
    {"stop": ["a", "b"]},
    {"logit_bias": {"50256": -100}},
    {"logprobs": True, "top_logprobs": 3},
    {"response_format": {"type": "json_object"}},
    {"response_format": {"type": "grammar", "syntax": "lark", "definition": "start: /a/"}},
    {"tool_choice": {"type": "function", "function": {"name": "f"}},
     "tools": [{"type": "function", "function": {"name": "f", "description": "d", "strict": True}}]},
    {"min_p": 0.1, "service_tier": "flex", "web_search_options": {}},
    {"messages": [{"role": "user", "content": [
        {"type": "text", "text": "what is this?"},
        {"type": "image_url", "image_url": {"url": "https://example.org/a.png", "detail": "low"}},
        {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}},
        {"type": "file", "file": {"file_id": "file-1"}},
        {"type": "video_url", "video_url": {"url": "https://example.org/a.mp4"}},
    ]}]},
    {"messages": [{"role": "system", "content": "s"}, {"role": "developer", "content": "d"},
                  {"role": "user", "name": "ann", "content": "u"},
                  {"role": "assistant", "audio": {"id": "audio_1"}},
                  {"role": "user", "content": "v"}]},
]  # fmt: skip
"""What reaches OpenAI as it came."""


@pytest.mark.parametrize("fields", SENT, ids="+".join)
async def test_it_goes_out_as_it_came(parley: Parley, vendors: Vendors, fields: dict[str, Any]) -> None:
    _, sent = await exchange(parley, vendors, fields)
    assert {name: sent.get(name) for name in fields} == fields
    assert set(sent) == {"model", "messages", "stream"} | set(fields)


def test_the_transport_that_is_chosen_is_loaded(parley: Parley, request: pytest.FixtureRequest) -> None:
    variant: Variant = request.node.callspec.params["parley"]
    lines = children_of(parley.process.pid)
    workers = [pid for pid, line in lines.items() if "-m service.worker" in line]
    loaded = ["/aiohttp/" in Path(f"/proc/{pid}/maps").read_text() for pid in workers]
    assert loaded == [variant.transport == "aiohttp"]


async def test_what_is_absent_does_not_go_out(parley: Parley, vendors: Vendors) -> None:
    _, sent = await exchange(parley, vendors, {"max_tokens": None, "n": None, "temperature": None, "stop": None})
    assert set(sent) == {"model", "messages", "stream"}


@pytest.mark.parametrize(
    ("place", "fields"),
    [
        ("tools", '"tools":[{"type":"function","function":{"name":"f","parameters":%s}}]'),
        ("response_format", '"response_format":{"type":"json_schema","json_schema":{"name":"x","schema":%s}}'),
        ("guided_json", '"guided_json":%s'),
    ],
)
async def test_a_schema_reaches_the_vendor_with_every_byte_in_its_order(
    parley: Parley, vendors: Vendors, place: str, fields: str
) -> None:
    model = vendors.model()
    vendors.scripted.always(ANSWER, model=model)
    data = f'{{"model":"scripted/{model}","messages":[{{"role":"user","content":"x"}}],{fields % SCHEMA}}}'
    assert (await post(parley, data.encode())).status == 200
    # Only how a number is written may change, never its value: 1.50 is 1.5.
    assert SCHEMA.replace("1.50", "1.5").encode() in vendors.scripted.requests[-1].body, place


async def test_spoken_answers_come_back_whole_and_in_pieces(parley: Parley, vendors: Vendors) -> None:
    asked = {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "wav"}}
    audio = {"id": "audio_1", "data": "aGVsbG8=", "expires_at": 1700003600, "transcript": "hello"}
    told, _ = await exchange(parley, vendors, asked, json_answer(whole({"audio": audio}, "stop", usage(1, 2)).body))
    assert told.json["choices"][0]["message"]["audio"] == audio
    pieces = [
        chunk({"role": "assistant", "audio": {"id": "audio_1", "transcript": "hel"}}),
        chunk({"audio": {"data": "aGVs", "transcript": "lo"}}),
        chunk({"audio": {"data": "bG8=", "expires_at": 1700003600}}),
        chunk({}, "stop"),
        DONE,
    ]
    told, _ = await exchange(parley, vendors, {**asked, "stream": True}, stream(*pieces))
    deltas = [each["choices"][0]["delta"].get("audio", {}) for each in told.chunks]
    assert "".join(delta.get("data", "") for delta in deltas) == "aGVsbG8="
    assert "".join(delta.get("transcript", "") for delta in deltas) == "hello"
    assert deltas[0]["id"] == "audio_1"
    assert deltas[2]["expires_at"] == 1700003600


async def test_what_a_prediction_saved_is_told(parley: Parley, vendors: Vendors) -> None:
    details = {"accepted_prediction_tokens": 4, "rejected_prediction_tokens": 1, "reasoning_tokens": 0}
    answer = json_answer(whole({"content": "x"}, "stop", usage(3, 9, completion_tokens_details=details)).body)
    told, _ = await exchange(parley, vendors, {"prediction": {"type": "content", "content": "x"}}, answer)
    assert told.json["usage"]["completion_tokens_details"] == details


async def test_older_image_data_becomes_a_data_url(parley: Parley, vendors: Vendors) -> None:
    part = {"type": "image_data", "image_data": {"data": "aGk=", "media_type": "image/gif"}}
    _, sent = await exchange(parley, vendors, {"messages": [{"role": "user", "content": [part]}]})
    assert sent["messages"][0]["content"] == [{"type": "image_url", "image_url": {"url": "data:image/gif;base64,aGk="}}]


async def test_extra_parameters_and_headers_reach_the_vendor(parley: Parley, vendors: Vendors) -> None:
    fields = {
        "temperature": 0.5,
        "metadata": {"a": "1"},
        "inference_extra_params": {"temperature": 0.7, "metadata": {"b": "2"}, "model": "stolen", "stream": True},
        "inference_extra_headers": {"X-Trace": "abc"},
    }
    _, sent = await exchange(parley, vendors, fields)
    assert (sent["temperature"], sent["metadata"], sent["stream"]) == (0.7, {"a": "1", "b": "2"}, False)
    assert sent["model"] != "stolen"
    assert vendors.scripted.requests[-1].headers["x-trace"] == "abc"


async def test_functions_of_old_go_out_as_tools_and_come_back_as_functions(parley: Parley, vendors: Vendors) -> None:
    fields = {"functions": [{"name": "get_weather", "parameters": {"type": "object"}}], "function_call": "auto"}
    answer = json_answer(recording("openai-tools-unary.json"))
    told, sent = await exchange(parley, vendors, fields, answer)
    assert sent["tools"][0]["function"]["name"] == "get_weather"
    assert sent["tool_choice"] == "auto"
    assert "functions" not in sent
    choice = told.json["choices"][0]
    assert choice["finish_reason"] == "function_call"
    assert json.loads(choice["message"]["function_call"]["arguments"])


async def test_each_policy_does_what_it_says(parley: Parley, vendors: Vendors, channel: grpc.aio.Channel) -> None:
    told, sent = await exchange(parley, vendors, {"top_k": 5})
    assert told.headers["x-parley-dropped"] == "top_k"
    assert "top_k" not in sent
    told, _ = await exchange(parley, vendors, {"guided_regex": "a+"}, **{"x-parley-unsupported": "warn"})
    assert told.headers["x-parley-dropped"] == "guided_regex"
    told, _ = await exchange(parley, vendors, {"guided_regex": "a+"}, **{"x-parley-unsupported": "drop"})
    assert "x-parley-dropped" not in told.headers
    model = vendors.model()
    vendors.scripted.always(ANSWER, model=model)
    for fields, policy, param in (
        ({"guided_regex": "a+"}, "", "guided_regex"),
        ({"top_k": 5}, "strict", "top_k"),
        ({}, "perhaps", "x-parley-unsupported"),
    ):
        headers = {"x-parley-unsupported": policy} if policy else {}
        refused = await post(parley, {**body(f"scripted/{model}"), **fields}, headers=headers)
        assert (refused.status, refused.error["param"]) == (400, param)
    call = ChatServiceStub(channel).CreateCompletion(message(f"scripted/{model}", top_k=5), metadata=parley.metadata)
    await call
    assert dict(await call.initial_metadata())["x-parley-dropped"] == "top_k"


async def test_best_of_asks_for_all_and_returns_the_best(parley: Parley, vendors: Vendors) -> None:
    def choice(index: int, text: str, *logprobs: float) -> dict[str, Any]:
        tokens = [{"token": "t", "logprob": value, "bytes": [116], "top_logprobs": []} for value in logprobs]
        return {"index": index, "message": {"role": "assistant", "content": text},
                "logprobs": {"content": tokens}, "finish_reason": "stop"}  # fmt: skip

    answer = {
        "id": "x",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [
            choice(0, "poor", -3, -3),
            choice(1, "long and good", -1, -1, -1, -1, -1, -1, -1),
            choice(2, "fair", -2),
        ],
        "usage": usage(5, 30),
    }
    told, sent = await exchange(parley, vendors, {"best_of": 3, "n": 2}, json_answer(answer))
    assert (sent["n"], sent["logprobs"], "best_of" in sent) == (3, True, False)
    assert [c["message"]["content"] for c in told.json["choices"]] == ["long and good", "fair"]
    assert [c["index"] for c in told.json["choices"]] == [0, 1]
    assert told.json["choices"][0]["logprobs"] is None
    assert told.json["usage"]["completion_tokens"] == 30
    assert told.headers["x-parley-emulated"] == "best_of"


async def test_a_guide_that_was_not_followed_is_told(parley: Parley, vendors: Vendors) -> None:
    schema = {"type": "object", "required": ["a"]}
    told, _ = await exchange(parley, vendors, {"guided_json": schema})
    assert told.headers["x-parley-disobeyed"] == "guided_json"
    good = json_answer(whole({"content": '{"a":1}'}, "stop", usage(1, 1)).body)
    told, _ = await exchange(parley, vendors, {"guided_json": schema}, good)
    assert "x-parley-disobeyed" not in told.headers
    events = stream(chunk({"role": "assistant", "content": "no"}), chunk({}, "stop"), DONE)
    told, _ = await exchange(parley, vendors, {"guided_json": schema, "stream": True}, events)
    assert b"\n: x-parley-disobeyed: guided_json\n" in told.body
    model = vendors.model()
    vendors.scripted.always(ANSWER, model=model)
    fields = {**body(f"scripted/{model}"), "guided_json": schema}
    refused = await post(parley, fields, headers={"x-parley-unsupported": "strict"})
    assert (refused.status, refused.error["code"]) == (502, "guide_not_followed")


async def test_the_memory_strategy_says_how_much_it_left_out(parley: Parley, vendors: Vendors) -> None:
    messages = [{"role": "system", "content": "s"}, *({"role": "user", "content": str(i)} for i in range(5))]
    for strategy in ({"name": "last_k", "k": 2}, {"name": "last_k", "params": {"k": 2}}):
        told, sent = await exchange(parley, vendors, {"messages": messages, "memory_strategy": strategy})
        assert told.headers["x-parley-messages-left-out"] == "3"
        assert [m["content"] for m in sent["messages"]] == ["s", "3", "4"]
