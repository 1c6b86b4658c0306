import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

import pytest
from parley.chat.v1.completion_pb2 import Completion, CompletionChunk

from service.backends.run import Piece
from service.errors import ApiError, Kind
from service.pipeline.best_of import choose
from service.pipeline.fanout import fan_out
from service.pipeline.fold import Fold

Batches = AsyncGenerator[list[Piece], None]


def piece(text: str, *, finish: str = "") -> CompletionChunk:
    chunk = CompletionChunk(id="x")
    choice = chunk.choices.add(index=0, finish_reason=finish)
    choice.delta.content = text
    return chunk


def usage(prompt: int, completion: int) -> CompletionChunk:
    chunk = CompletionChunk()
    chunk.usage.prompt_tokens, chunk.usage.completion_tokens = prompt, completion
    chunk.usage.total_tokens = prompt + completion
    chunk.usage.prompt_tokens_details.cached_tokens = prompt - 1
    return chunk


def runs(closed: list[int], fail: int | None = None) -> Callable[[int], Batches]:
    async def run(index: int) -> Batches:
        try:
            yield [piece(f"{index}a")]
            if index == fail:
                raise ApiError(Kind.UPSTREAM_ERROR, "died")
            if fail is not None:
                await asyncio.Event().wait()
            yield [piece(f"{index}b", finish="stop"), usage(5, index + 1)]
        finally:
            closed.append(index)

    return run


async def test_answers_have_their_indices_and_usage_is_summed() -> None:
    fold = Fold()
    closed: list[int] = []
    async with aclosing(fan_out(3, runs(closed))) as batches:
        async for batch in batches:
            fold.batch(batch)
    completion = fold.result()
    assert [c.message.content[0].text for c in completion.choices] == ["0a0b", "1a1b", "2a2b"]
    used = completion.usage
    assert (used.prompt_tokens, used.completion_tokens, used.total_tokens) == (15, 6, 21)
    assert used.prompt_tokens_details.cached_tokens == 12
    assert not used.HasField("completion_tokens_details")
    assert sorted(closed) == [0, 1, 2]


async def test_the_first_failure_ends_all() -> None:
    closed: list[int] = []
    async with aclosing(fan_out(3, runs(closed, fail=1))) as batches:
        with pytest.raises(ApiError):
            [batch async for batch in batches]
    assert sorted(closed) == [0, 1, 2]


async def test_closing_it_closes_all() -> None:
    closed: list[int] = []
    async with aclosing(fan_out(3, runs(closed, fail=7))) as batches:
        async for _ in batches:
            break
    assert set(closed) <= {0, 1, 2}
    assert not any("follow" in str(task.get_coro()) for task in asyncio.all_tasks())


def scored(*means: float) -> Completion:
    completion = Completion()
    for index, mean in enumerate(means):
        choice = completion.choices.add(index=index)
        choice.message.content.add(text=str(mean))
        for offset in (-0.1, 0.1):
            choice.logprobs.content.add(token="t", logprob=mean + offset)
    completion.usage.completion_tokens = 99
    return completion


def test_the_best_by_mean_log_probability_are_returned_best_first() -> None:
    completion = scored(-3, -1, -2)
    # A long answer has the lower sum, and is the better one by the mean.
    completion.choices[1].logprobs.content.extend([completion.choices[1].logprobs.content[0]] * 9)
    choose(completion, 2, "v", keep_logprobs=False)
    assert [(c.index, c.message.content[0].text) for c in completion.choices] == [(0, "-1"), (1, "-2")]
    assert not any(choice.HasField("logprobs") for choice in completion.choices)
    assert completion.usage.completion_tokens == 99


def test_an_answer_without_log_probabilities_cannot_be_ranked() -> None:
    completion = Completion()
    completion.choices.add(index=0)
    with pytest.raises(ApiError) as caught:
        choose(completion, 1, "v", keep_logprobs=True)
    assert caught.value.kind is Kind.BAD_UPSTREAM
