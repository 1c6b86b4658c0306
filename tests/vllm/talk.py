"""How the lane's tests ask, through Parley and past it."""

import asyncio
import contextlib
import json
import re
from dataclasses import dataclass
from typing import Any

import aiohttp

from tests.end_to_end.calls import RestAnswer, post
from tests.stack import VENDOR_KEY, Parley
from tests.vllm.server import MODEL

NAME = f"vllm/{MODEL}"
PATIENCE = 60.0
"""Seconds after which what should have happened will not happen any more."""

LONG: dict[str, Any] = {"max_tokens": 2000, "ignore_eos": True}
"""More than a minute's work."""

RUNNING = "vllm:num_requests_running"
FINISHED = "vllm:request_success_total{"
"""Requests that came to an end of their own, cut by their length or not."""
GENERATED = "vllm:generation_tokens_total{"


@dataclass(frozen=True, slots=True)
class Vllm:
    """vLLM itself."""

    root: str
    session: aiohttp.ClientSession

    async def ask(self, path: str = "/v1/chat/completions", **fields: Any) -> tuple[int, dict[str, Any]]:
        """What it answers to the same request as `ask` makes."""
        headers = {"authorization": f"Bearer {VENDOR_KEY}"}
        async with self.session.post(self.root + path, json=request(MODEL, **fields), headers=headers) as response:
            return response.status, await response.json()

    async def token(self, text: str) -> int:
        """The number of a text that is one token."""
        _, answer = await self.ask("/tokenize", messages=None, prompt=text, add_special_tokens=False)
        (token,) = answer["tokens"]
        return token

    async def version(self) -> str:
        async with self.session.get(f"{self.root}/version") as response:
            return (await response.json())["version"]

    async def metric(self, name: str) -> float:
        """The sum of a metric over its labels."""
        async with self.session.get(f"{self.root}/metrics") as response:
            text = await response.text()
        return sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if re.match(re.escape(name), line))

    async def work(self) -> tuple[float, float]:
        """How many requests have come to an end of their own, and how many tokens have been generated."""
        return await self.metric(FINISHED), await self.metric(GENERATED)

    async def stopped(self, before: tuple[float, float]) -> None:
        """Waits until nothing runs; then no request must have come to its own end since `before`."""
        await self.until(RUNNING, 0)
        finished, generated = await self.work()
        assert finished == before[0]
        assert generated - before[1] < LONG["max_tokens"] / 2

    async def until(self, name: str, value: float) -> None:
        """Waits until a metric has a value; it has no way to tell of it by itself."""
        async with asyncio.timeout(PATIENCE):
            while await self.metric(name) != value:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(asyncio.Event().wait(), 0.05)


def request(model: str, /, **fields: Any) -> dict[str, Any]:
    """A short, greedy request unless `fields` says otherwise; None leaves a member out."""
    base = {"messages": [{"role": "user", "content": "What is the weather in Paris?"}], "temperature": 0}
    length = {} if "max_completion_tokens" in fields else {"max_tokens": 8}
    return {"model": model, **{k: v for k, v in {**base, **length, **fields}.items() if v is not None}}


async def ask(
    parley: Parley, model: str = NAME, /, *, headers: dict[str, str] | None = None, **fields: Any
) -> RestAnswer:
    """An answer by REST, whatever its status."""
    return await post(parley, request(model, **fields), headers=headers)


async def answer(parley: Parley, model: str = NAME, /, **fields: Any) -> dict[str, Any]:
    """A good answer by REST, of which nothing was left out."""
    came = await ask(parley, model, **fields)
    assert came.status == 200, came.body
    assert "x-parley-dropped" not in came.headers
    assert "x-parley-disobeyed" not in came.headers
    return came.json


async def text(parley: Parley, /, **fields: Any) -> str:
    """The text of a good answer."""
    return (await answer(parley, **fields))["choices"][0]["message"]["content"]


async def prompt(parley: Parley, /, **fields: Any) -> str:
    """The text that vLLM made of the messages."""
    return (await answer(parley, max_tokens=1, return_prompt_text=True, **fields))["prompt_text"]


def shown(value: object) -> str:
    """A value as the page shows it."""
    return f"`{json.dumps(value, ensure_ascii=False)}`" if not isinstance(value, str) else f"`{value}`"
