"""The recordings say what the official client reads, so that no fake answer is shaped by our own code."""

from __future__ import annotations

import openai
import pytest
from openai import AsyncOpenAI
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from tests.vendor import Vendor, json_answer, recording, stream_bytes
from tests.vendor.recordings import HERE, names

UNARY = names("*-unary.json")
STREAMS = names("*-stream*.sse")
BROKEN_STREAMS = names("*-broken.sse")
ERRORS = names("*-error-*.json")
EXCEPTIONS = {
    400: openai.BadRequestError,
    401: openai.AuthenticationError,
    404: openai.NotFoundError,
    429: openai.RateLimitError,
    503: openai.InternalServerError,
    529: openai.InternalServerError,
}


def client(vendor: Vendor) -> AsyncOpenAI:
    return AsyncOpenAI(base_url=f"{vendor.base_url}/v1", api_key="test", max_retries=0)


async def streamed(vendor: Vendor) -> list[ChatCompletionChunk]:
    async with client(vendor) as sdk:
        chunks = await sdk.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}], stream=True)
        return [chunk async for chunk in chunks]


@pytest.mark.parametrize("name", UNARY)
def test_an_answer_is_a_chat_completion(name: str) -> None:
    completion = ChatCompletion.model_validate_json(recording(name))
    assert completion.choices[0].message.role == "assistant"
    assert completion.usage is not None
    assert completion.usage.total_tokens == completion.usage.prompt_tokens + completion.usage.completion_tokens


@pytest.mark.parametrize("name", STREAMS)
def test_every_event_of_a_stream_is_a_chunk_until_done(name: str) -> None:
    *events, done = recording(name).rstrip(b"\n").split(b"\n\n")
    assert done == b"data: [DONE]"
    chunks = [ChatCompletionChunk.model_validate_json(event.removeprefix(b"data: ")) for event in events]
    assert len({(chunk.id, chunk.created, chunk.model) for chunk in chunks}) == 1
    reasons = [choice.finish_reason for chunk in chunks for choice in chunk.choices]
    assert [reason for reason in reasons if reason] == reasons[-1:]


@pytest.mark.parametrize("name", STREAMS)
async def test_the_official_client_reads_a_stream_from_the_vendor(name: str) -> None:
    async with Vendor.start() as vendor:
        vendor.answer(stream_bytes(recording(name)))
        chunks = await streamed(vendor)
    assert len(chunks) == recording(name).count(b"data: {")


@pytest.mark.parametrize("name", BROKEN_STREAMS)
async def test_the_official_client_raises_on_an_error_in_a_stream(name: str) -> None:
    async with Vendor.start() as vendor:
        vendor.answer(stream_bytes(recording(name)))
        with pytest.raises(openai.APIError):
            await streamed(vendor)


@pytest.mark.parametrize("name", ERRORS)
async def test_the_official_client_raises_the_error_of_the_status(name: str) -> None:
    status = int(name.rpartition("-")[2].removesuffix(".json"))
    async with Vendor.start() as vendor, client(vendor) as sdk:
        vendor.answer(json_answer(recording(name), status))
        with pytest.raises(EXCEPTIONS[status]) as raised:
            await sdk.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}])
    assert raised.value.status_code == status


def test_no_recording_goes_unread() -> None:
    read = {*UNARY, *STREAMS, *BROKEN_STREAMS, *ERRORS}
    assert {path.name for path in HERE.iterdir() if path.suffix in {".json", ".sse"}} == read
