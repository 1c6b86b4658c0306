"""Several answers from a vendor that gives one: requests at once, merged into one stream."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing, suppress

from google.protobuf.message import Message
from parley.chat.v1.completion_pb2 import CompletionChunk, Usage

from service.backends.batches import Batches
from service.backends.run import Piece, Run


async def fan_out(number: int, run: Callable[[int], Batches]) -> AsyncGenerator[list[Piece], None]:
    """The answers of `number` runs as one stream: choice i is the answer of run i, and usage is their sum.

    The first run that fails ends all; so does closing or cancelling this. To be closed by the caller.
    """
    queue: asyncio.Queue[tuple[int, list[Piece] | Exception | None]] = asyncio.Queue(maxsize=2 * number)

    async def follow(index: int) -> None:
        try:
            async with aclosing(run(index)) as batches:
                async for batch in batches:
                    await queue.put((index, batch))
            await queue.put((index, None))
        except Exception as error:  # noqa: BLE001  # raised again by the reader of the queue
            await queue.put((index, error))

    tasks = [asyncio.ensure_future(follow(index)) for index in range(number)]
    usages: dict[int, Usage] = {}
    try:
        running = number
        while running:
            index, item = await queue.get()
            if isinstance(item, Exception):
                raise item
            if item is None:
                running -= 1
                continue
            if batch := _renumbered(item, index, usages):
                yield batch
        if usages:
            yield [CompletionChunk(usage=total(usages.values()))]
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task


def _renumbered(batch: list[Piece], index: int, usages: dict[int, Usage]) -> list[Piece]:
    kept: list[Piece] = []
    for chunk in batch:
        if isinstance(chunk, Run):
            chunk.template.chunk.choices[0].index = index
            kept.append(chunk)
            continue
        if chunk.HasField("usage"):
            usages[index] = Usage()
            usages[index].CopyFrom(chunk.usage)
            chunk.ClearField("usage")
            if not chunk.choices:
                continue
        for choice in chunk.choices:
            choice.index = index
        kept.append(chunk)
    return kept


def total(usages: Iterable[Usage]) -> Usage:
    """The sum of several reports, field by field; a field that none has stays absent."""
    result = Usage()
    for usage in usages:
        _add(result, usage)
        for name in ("prompt_tokens_details", "completion_tokens_details"):
            if usage.HasField(name):
                _add(getattr(result, name), getattr(usage, name))
    return result


def _add(result: Message, part: Message) -> None:
    for field, value in part.ListFields():
        if field.type == field.TYPE_UINT32:
            setattr(result, field.name, getattr(result, field.name) + value)
