"""Each vendor's API, as aimock has it, through the whole of Parley: what it was sent, and what became of its answer."""

import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from tests.aimock import emulator
from tests.stack import VENDOR_KEY, ConfigData, Parley
from tests.stack import running as parley_running

Json = dict[str, Any]
KEY: Json = {"api_key": {"env": "FAKE_KEY"}}
PLACE = "/v1/projects/p/locations/us-central1"
WEATHER: Json = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "d",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
TIME: Json = {
    "type": "function",
    "function": {"name": "get_time", "parameters": {"type": "object", "properties": {"tz": {"type": "string"}}}},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """One vendor's API in the emulator."""

    model: str
    """With the vendor."""
    base_url: str
    """After the emulator's address."""
    path: str
    """Where a whole answer is asked for."""
    stream_path: str = ""
    """Where a stream is, if elsewhere."""
    header: str = "authorization"
    """Where the key stands."""
    settings: Json = field(default_factory=dict[str, Any])
    wrong: dict[str, str] = field(default_factory=dict[str, str])
    """What the emulator does in another way than the vendor, by scenario; each has to fail."""


CHAT = "/v1/chat/completions"
FUNCTION_CALL = "Gemini ends an answer that calls with STOP: https://ai.google.dev/api/generate-content#FinishReason"
CREDENTIALS = frozenset(("authorization", "x-api-key", "api-key", "x-goog-api-key"))
APIS = {
    "openai": Api(model="openai/gpt-4o", base_url="/v1", path=CHAT),
    "azure": Api(
        model="azure/gpt-4o",
        base_url="",
        path="/openai/deployments/gpt-4o/chat/completions",
        header="api-key",
    ),
    "anthropic": Api(model="anthropic/claude-sonnet-4-5", base_url="/v1", path="/v1/messages"),
    "gemini": Api(
        model="gemini/gemini-2.5-flash",
        base_url="/v1beta",
        path="/v1beta/models/gemini-2.5-flash:generateContent",
        stream_path="/v1beta/models/gemini-2.5-flash:streamGenerateContent",
        header="x-goog-api-key",
        wrong={"weather": FUNCTION_CALL, "both": FUNCTION_CALL},
    ),
    "vertex_ai": Api(
        model="vertex_ai/gemini-2.5-flash",
        base_url=PLACE,
        path=f"{PLACE}/publishers/google/models/gemini-2.5-flash:generateContent",
        stream_path=f"{PLACE}/publishers/google/models/gemini-2.5-flash:streamGenerateContent",
        settings={"auth": "bearer"},
        wrong={"weather": FUNCTION_CALL, "both": FUNCTION_CALL},
    ),
    "bedrock": Api(
        model="bedrock/anthropic.claude-3-5-sonnet-20240620-v1:0",
        base_url="",
        path="/model/anthropic.claude-3-5-sonnet-20240620-v1%3A0/converse",
        stream_path="/model/anthropic.claude-3-5-sonnet-20240620-v1%3A0/converse-stream",
        settings={"auth": "bearer"},
        wrong={"ratelimit": "an error of Bedrock's has its `message` at the top, not in `error`"},
    ),
    "cohere": Api(
        model="cohere/command-r",
        base_url="/v2",
        path="/v2/chat",
        wrong={"think": "Cohere's reasoning is a `thinking` part, not text: https://docs.cohere.com/docs/reasoning"},
    ),
    "mistral": Api(
        model="mistral/mistral-small-latest",
        base_url="/v1",
        path=CHAT,
        wrong={"usage streamed": "Mistral reports the usage of itself: https://docs.mistral.ai/api/"},
    ),
    "ollama": Api(model="ollama/llama3", base_url="/v1", path=CHAT),
    "openrouter": Api(model="openrouter/openai/gpt-4o", base_url="/api/v1", path="/api/v1/chat/completions"),
}


@dataclass(frozen=True, slots=True)
class Stage:
    """A running Parley before a running emulator."""

    parley: Parley
    emulator: str
    http: aiohttp.ClientSession


@pytest_asyncio.fixture(scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Stage]:
    async with emulator.running() as url:
        config: ConfigData = {
            "vendors": {name: {**KEY, **api.settings, "base_url": url + api.base_url} for name, api in APIS.items()},
            "models": {api.model: {"retries": {"attempts": 0}} for api in APIS.values()},
        }
        async with parley_running(config, tmp_path_factory.mktemp("aimock")) as parley, aiohttp.ClientSession() as http:
            yield Stage(parley, url, http)


@dataclass(slots=True)
class Answer:
    """An answer as a caller saw it, whole or folded from its chunks."""

    status: int
    request_id: str
    error: Json | None = None
    text: str = ""
    reasoning: str = ""
    finish_reason: str | None = None
    calls: list[Json] = field(default_factory=list[Json])
    usage: Json | None = None


async def ask(stage: Stage, api: Api, text: str, *, stream: bool, **members: Any) -> Answer:
    body: Json = {"model": api.model, "messages": [{"role": "user", "content": text}], "max_tokens": 64, **members}
    if stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    async with stage.http.post(f"{stage.parley.base_url}{CHAT}", json=body) as response:
        answer = Answer(response.status, response.headers["x-request-id"])
        data = await response.read()
    if answer.status != 200:
        answer.error = json.loads(data)["error"]
        return answer
    if not stream:
        take(answer, json.loads(data), "message")
        return answer
    events = [line.removeprefix("data: ") for line in data.decode().splitlines() if line.startswith("data: ")]
    if events[-1] != "[DONE]":
        answer.error = json.loads(events[-1])["error"]
    for event in events[:-1]:
        take(answer, json.loads(event), "delta")
    return answer


def take(answer: Answer, part: Json, content: str) -> None:
    """Adds a completion or a chunk."""
    for choice in part["choices"]:
        message: Json = choice[content]
        answer.text += message.get("content") or ""
        answer.reasoning += message.get("reasoning_content") or ""
        answer.finish_reason = choice["finish_reason"] or answer.finish_reason
        for at, call in enumerate(message.get("tool_calls") or ()):
            index = call.get("index", at)
            if index == len(answer.calls):
                answer.calls.append({"id": call["id"], "name": call["function"]["name"], "arguments": ""})
            answer.calls[index]["arguments"] += call["function"].get("arguments") or ""
    answer.usage = part.get("usage") or answer.usage


async def sent(stage: Stage, answer: Answer) -> Json:
    """What the emulator was sent for an answer."""
    async with stage.http.get(f"{stage.emulator}/__aimock/journal?requestId={answer.request_id}") as response:
        entries: list[Json] = await response.json()
    (entry,) = entries
    return entry


def cases(scenario: str) -> pytest.MarkDecorator:
    """Each vendor, whole and streamed; what the emulator does otherwise has to fail."""
    params: list[Any] = []
    for name, api in APIS.items():
        for stream in (False, True):
            mode = "streamed" if stream else "whole"
            reason = api.wrong.get(scenario) or api.wrong.get(f"{scenario} {mode}")
            marks = [pytest.mark.xfail(reason=reason, strict=True)] if reason else []
            params.append(pytest.param(api, stream, id=f"{name}-{mode}", marks=marks))
    return pytest.mark.parametrize(("api", "stream"), params)


@cases("text")
async def test_text(stage: Stage, api: Api, stream: bool) -> None:
    answer = await ask(stage, api, "hello", stream=stream, temperature=0)
    assert answer.error is None
    assert answer.text == "Hello, wörld ✓. How can I help you today?"
    assert answer.finish_reason == "stop"
    assert answer.calls == []


@cases("sent")
async def test_the_vendor_was_sent_its_own_form(stage: Stage, api: Api, stream: bool) -> None:
    answer = await ask(stage, api, "hello", stream=stream, temperature=0)
    entry = await sent(stage, answer)
    path: str = entry["path"]
    assert path.partition("?")[0] == (api.stream_path if stream and api.stream_path else api.path)
    # What they hold is not shown.
    assert set(entry["headers"]) & CREDENTIALS == {api.header}
    assert VENDOR_KEY not in json.dumps(entry)
    body: Json = entry["body"]
    assert body["temperature"] == 0, "zero is a value like any other"
    assert bool(body.get("stream")) == stream
    (message,) = body["messages"]
    assert "hello" in json.dumps(message)


@cases("weather")
async def test_text_and_a_call(stage: Stage, api: Api, stream: bool) -> None:
    answer = await ask(stage, api, "weather", stream=stream, tools=[WEATHER])
    assert answer.text == "Let me check."
    (call,) = answer.calls
    assert call["name"] == "get_weather"
    assert json.loads(call["arguments"]) == {"city": "Paris", "unit": "C"}
    assert answer.finish_reason == "tool_calls"


@cases("result")
async def test_the_result_of_a_call_goes_back(stage: Stage, api: Api, stream: bool) -> None:
    first = await ask(stage, api, "weather", stream=stream, tools=[WEATHER])
    call = first.calls[0]
    turns: list[Json] = [
        {"role": "user", "content": "weather"},
        {
            "role": "assistant",
            "content": first.text,
            "tool_calls": [
                {
                    "id": call["id"],
                    "type": "function",
                    "function": {"name": call["name"], "arguments": call["arguments"]},
                }
            ],
        },
        {"role": "tool", "tool_call_id": call["id"], "content": '{"degrees": 18}'},
    ]
    answer = await ask(stage, api, "", stream=stream, tools=[WEATHER], messages=turns)
    assert answer.error is None
    assert answer.text == "It is 18 degrees in Paris."
    assert answer.finish_reason == "stop"


@cases("both")
async def test_two_calls_at_once(stage: Stage, api: Api, stream: bool) -> None:
    answer = await ask(stage, api, "both", stream=stream, tools=[WEATHER, TIME])
    assert [(call["name"], json.loads(call["arguments"])) for call in answer.calls] == [
        ("get_weather", {"city": "Paris"}),
        ("get_time", {"tz": "CET"}),
    ]
    assert len({call["id"] for call in answer.calls}) == 2
    assert answer.finish_reason == "tool_calls"


@cases("think")
async def test_reasoning_stands_apart(stage: Stage, api: Api, stream: bool) -> None:
    answer = await ask(stage, api, "think", stream=stream)
    assert answer.reasoning == "I should think first."
    assert answer.text == "The answer is 42."


@cases("length")
async def test_an_answer_that_its_limit_ends(stage: Stage, api: Api, stream: bool) -> None:
    answer = await ask(stage, api, "length", stream=stream)
    assert (answer.text, answer.finish_reason) == ("This is cut", "length")


@cases("filter")
async def test_an_answer_that_a_filter_ends(stage: Stage, api: Api, stream: bool) -> None:
    answer = await ask(stage, api, "filter", stream=stream)
    assert (answer.text, answer.finish_reason) == ("I cannot", "content_filter")


@cases("usage")
async def test_usage(stage: Stage, api: Api, stream: bool) -> None:
    answer = await ask(stage, api, "usage", stream=stream)
    assert answer.usage is not None
    counts = [answer.usage[name] for name in ("prompt_tokens", "completion_tokens", "total_tokens")]
    assert counts == [12, 7, 19]


@cases("ratelimit")
async def test_a_limit_is_a_limit(stage: Stage, api: Api, stream: bool) -> None:
    answer = await ask(stage, api, "ratelimit", stream=stream)
    assert answer.status == 429
    assert answer.error is not None
    assert answer.error["code"] == "rate_limit_exceeded"
    assert "Rate limited" in answer.error["message"]


@cases("overload")
async def test_overload_is_overload(stage: Stage, api: Api, stream: bool) -> None:
    answer = await ask(stage, api, "overload", stream=stream)
    assert answer.status in {503, 529}
    assert answer.error is not None
    assert VENDOR_KEY not in answer.error["message"]


@cases("nothing")
async def test_what_the_vendor_does_not_have_is_not_there(stage: Stage, api: Api, stream: bool) -> None:
    answer = await ask(stage, api, "no fixture says anything of it", stream=stream)
    assert answer.status == 404
    assert answer.error is not None
