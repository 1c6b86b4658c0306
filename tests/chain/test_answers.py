"""Through a Parley at the edge everything is as if it were not there."""

from typing import Any

import pytest
from parley.chat.v1.chat_service_pb2_grpc import ChatServiceStub
from parley.chat.v1.completion_pb2 import Completion, CompletionChunk, CompletionRequest

from tests import vendor as v
from tests.chain.conftest import Chain
from tests.end_to_end.calls import body, message, post
from tests.stack import LOCAL_MODEL, Vendors

ANSWER = v.json_answer(v.recording("openai-unary.json"))
STREAM = v.stream_bytes(v.recording("openai-stream-usage.sse"))


def unnamed(chunk: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in chunk.items() if name != "model"}


@pytest.mark.parametrize("usage", [False, True], ids=["", "usage"])
async def test_a_stream_over_rest(chain: Chain, *, usage: bool) -> None:
    fields: dict[str, Any] = {"stream": True, **({"stream_options": {"include_usage": True}} if usage else {})}
    direct = await post(chain.regional, body("fake/ok", **fields))
    through = await post(chain.edge, body("eu/fake/ok", **fields))
    assert (through.status, through.events[-1]) == (200, "[DONE]")
    assert [unnamed(chunk) for chunk in through.chunks] == [unnamed(chunk) for chunk in direct.chunks]
    assert {chunk["model"] for chunk in through.chunks} == {"eu/fake/ok"}
    assert any(chunk.get("usage") for chunk in through.chunks) == usage


async def test_a_whole_answer_over_rest(chain: Chain) -> None:
    direct = await post(chain.regional, body("fake/ok"))
    through = await post(chain.edge, body("eu/fake/ok"))
    assert unnamed(through.json) == unnamed(direct.json)
    assert through.json["model"] == "eu/fake/ok"


async def test_over_grpc(chain: Chain) -> None:
    near, far = ChatServiceStub(chain.near), ChatServiceStub(chain.far)
    metadata = chain.edge.metadata

    async def both(model: str, caller: Any) -> tuple[Completion, list[CompletionChunk]]:
        whole = await caller.CreateCompletion(message(model), metadata=metadata)
        pieces = [chunk async for chunk in caller.StreamCompletion(message(model), metadata=metadata)]
        for each in (whole, *pieces):
            assert each.model == model
            each.model = ""
        return whole, pieces

    assert await both("eu/fake/ok", near) == await both("fake/ok", far)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_the_embedded_model(chain: Chain, *, stream: bool) -> None:
    fields = {"temperature": 0, "max_tokens": 8, "stream": stream}
    direct = await post(chain.regional, body(LOCAL_MODEL, **fields))
    through = await post(chain.edge, body(f"eu/{LOCAL_MODEL}", **fields))

    def text(answer: Any) -> str:
        return answer.text if stream else answer.json["choices"][0]["message"]["content"]

    assert text(through) == text(direct) != ""


TOOL_ANSWER: dict[str, Any] = {
    "id": "chatcmpl-9",
    "object": "chat.completion",
    "created": 1700000000,
    "model": "m",
    "system_fingerprint": "fp_1",
    "vendor_says": {"kept": [1, None]},
    "choices": [
        {
            "index": 0,
            "finish_reason": "tool_calls",
            "logprobs": {"content": [{"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": []}]},
            "message": {
                "role": "assistant",
                "content": "Let me look.",
                "reasoning_content": "Hm.",
                "refusal": None,
                "annotations": [{"type": "url_citation", "url_citation": {"url": "https://a", "title": "A"}}],
                "audio": {"id": "audio_1", "data": "AAAA", "expires_at": 5, "transcript": "a"},
                "tool_calls": [
                    {"id": f"call_{n}", "type": "function", "function": {"name": "f", "arguments": "{}"}}
                    for n in (1, 2)
                ],
                "more": "kept",
            },
        },
        {"index": 1, "finish_reason": "stop", "logprobs": None, "message": {"role": "assistant", "content": "b"}},
    ],
    "usage": {
        "prompt_tokens": 3,
        "completion_tokens": 4,
        "total_tokens": 7,
        "prompt_tokens_details": {"cached_tokens": 1},
    },
}


async def test_everything_that_an_answer_may_hold(chain: Chain, vendors: Vendors) -> None:
    model = vendors.model()
    vendors.scripted.always(v.json_answer(TOOL_ANSWER), model=model)
    direct = await post(chain.regional, body(f"scripted/{model}", n=2))
    through = await post(chain.edge, body(f"eu/scripted/{model}", n=2))
    assert unnamed(through.json) == unnamed(direct.json)
    assert through.json["choices"][0]["message"]["more"] == "kept"


REQUEST: dict[str, Any] = {
    "temperature": 0,
    "top_p": 0.5,
    "seed": 2**53 + 1,
    "stop": ["a", "b"],
    "logit_bias": {"1": -1.5},
    "tools": [{"type": "function", "function": {"name": "f", "parameters": {"z": 1, "a": {"type": "object"}}}}],
    "tool_choice": "required",
    "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"z": 1.0, "a": 2}}},
    "metadata": {"a": "b"},
    "user": "u",
    "inference_extra_params": {"extra": 1, "temperature": 0.25},
    "inference_extra_headers": {"X-Extra": "yes"},
    "unknown_to_all": {"b": 1, "a": 2},
}


async def test_a_request_reaches_the_vendor_as_it_was(chain: Chain, vendors: Vendors) -> None:
    model = vendors.model()
    vendors.scripted.always(ANSWER, model=model)
    seen = len(vendors.scripted.requests)
    assert (await post(chain.regional, body(f"scripted/{model}", **REQUEST))).status == 200
    through = await post(chain.edge, body(f"eu/scripted/{model}", **REQUEST), headers={"x-request-id": "one-of-ours"})
    assert through.status == 200
    direct, relayed = vendors.scripted.requests[seen:]
    assert relayed.body == direct.body
    assert relayed.json["temperature"] == 0.25
    assert (relayed.headers["x-extra"], relayed.headers["x-request-id"]) == ("yes", "one-of-ours")
    assert "x-parley-unsupported" not in relayed.headers


def long() -> list[dict[str, str]]:
    return [{"role": ("user", "assistant")[n % 2], "content": str(n)} for n in range(5)]


async def test_old_messages_are_left_out_once(chain: Chain, vendors: Vendors) -> None:
    model = vendors.model()
    vendors.scripted.always(ANSWER, model=model)
    seen = len(vendors.scripted.requests)
    answer = await post(
        chain.edge,
        {"model": f"eu/scripted/{model}", "messages": long(), "memory_strategy": {"name": "last_k", "k": 2}},
    )
    assert answer.headers["x-parley-messages-left-out"] == "3"
    assert [each["content"] for each in vendors.scripted.requests[seen].json["messages"]] == ["3", "4"]


async def test_best_of_is_chosen_where_the_vendor_is(chain: Chain, vendors: Vendors) -> None:
    model = vendors.model()
    choices: list[dict[str, Any]] = [
        {
            "index": n,
            "finish_reason": "stop",
            "logprobs": {"content": [{"token": str(n), "logprob": -1.0 / (n + 1), "bytes": None, "top_logprobs": []}]},
            "message": {"role": "assistant", "content": str(n)},
        }
        for n in range(3)
    ]
    vendors.scripted.always(v.json_answer({**TOOL_ANSWER, "choices": choices}), model=model)
    answer = await post(chain.edge, body(f"eu/scripted/{model}", best_of=3))
    assert [choice["message"]["content"] for choice in answer.json["choices"]] == ["2"]
    assert answer.headers["x-parley-emulated"] == "best_of"


async def test_what_the_regional_one_reports_is_told(chain: Chain, vendors: Vendors) -> None:
    model = vendors.model()
    vendors.scripted.always(ANSWER, model=model)
    name = f"eu/scripted/{model}"
    knob = await post(chain.edge, body(name, top_k=3))
    assert (knob.status, knob.headers["x-parley-dropped"]) == (200, "top_k")
    field = "include_stop_str_in_output"
    refused = await post(chain.edge, body(name, **{field: True}))
    assert (refused.status, refused.error["param"], refused.error["code"]) == (400, field, "unsupported_parameter")
    warned = await post(chain.edge, body(name, **{field: True}), headers={"x-parley-unsupported": "warn"})
    assert (warned.status, warned.headers["x-parley-dropped"]) == (200, field)
    dropped = await post(chain.edge, body(name, **{field: True}), headers={"x-parley-unsupported": "drop"})
    assert (dropped.status, dropped.headers.get("x-parley-dropped")) == (200, None)
    schema = {"type": "object", "required": ["a"]}
    disobeyed = await post(chain.edge, body(name, guided_json=schema))
    assert disobeyed.headers["x-parley-disobeyed"] == "guided_json"
    vendors.scripted.always(STREAM, model=model)
    streamed = await post(chain.edge, body(name, guided_json=schema, stream=True, stream_options={}))
    assert streamed.body.count(b"x-parley-disobeyed: guided_json") == 1
    call = ChatServiceStub(chain.near).StreamCompletion(
        CompletionRequest(
            model=name, messages=message(name).messages, guided_json='{"required":["a"],"type":"object"}'
        ),
        metadata=chain.edge.metadata,
    )
    assert [chunk async for chunk in call]
    assert dict(await call.trailing_metadata())["x-parley-disobeyed"] == "guided_json"


async def test_where_the_regional_one_went_is_told(chain: Chain, vendors: Vendors) -> None:
    vendors.scripted.always(v.openai_error(503, "down"), model="pair-a")
    vendors.scripted.always(ANSWER, model="pair-b")
    told = [await post(chain.edge, body("eu/scripted/pair")) for _ in range(8)]
    reports = {answer.headers.get("x-parley-attempts") for answer in told}
    assert "eu/scripted/pair/a: unavailable, eu/scripted/pair/b, eu/scripted/pair" in reports
    assert len(reports - {None}) == 1
