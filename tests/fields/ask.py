"""How the tests of single fields ask the embedded model, and read its answer."""

import json
from typing import Any

from tests.end_to_end.calls import RestAnswer, post
from tests.stack import LOCAL_MODEL, Parley

Json = dict[str, Any]


async def ask(
    parley: Parley, text: str = "Tell me about a cat.", /, *, headers: Any = None, **fields: Any
) -> RestAnswer:
    """One short answer of the embedded model; it is repeatable unless the test says otherwise."""
    body = {
        "model": LOCAL_MODEL,
        "messages": [{"role": "user", "content": text}],
        "max_tokens": 12,
        "temperature": 0,
        **fields,
    }
    return await post(parley, {name: value for name, value in body.items() if value is not None}, headers=headers)


async def choice(parley: Parley, text: str = "Tell me about a cat.", /, **fields: Any) -> Json:
    """The first choice of an answer that must be given."""
    answer = await ask(parley, text, **fields)
    assert answer.status == 200, answer.body
    return answer.json["choices"][0]


async def content(parley: Parley, text: str = "Tell me about a cat.", /, **fields: Any) -> str:
    """The text of an answer that must be given."""
    return (await choice(parley, text, **fields))["message"]["content"]


async def streamed(parley: Parley, text: str = "Tell me about a cat.", /, **fields: Any) -> RestAnswer:
    """An answer as events, complete."""
    answer = await ask(parley, text, stream=True, stream_options={"include_usage": True}, **fields)
    assert answer.status == 200, answer.body
    assert answer.events[-1] == "[DONE]"
    return answer


async def prompt_tokens(parley: Parley, text: str = "Tell me about a cat.", /, **fields: Any) -> int:
    """How long the prompt of an answer that must be given was."""
    answer = await ask(parley, text, **{"max_tokens": 1, **fields})
    assert answer.status == 200, answer.body
    return answer.json["usage"]["prompt_tokens"]


async def refusal(parley: Parley, /, **fields: Any) -> Json:
    """The error of a request that must be refused."""
    answer = await ask(parley, **fields)
    assert answer.status == 400, answer.body
    return answer.error


def deltas(answer: RestAnswer) -> list[Json]:
    """The deltas of a stream's chunks."""
    return [choice["delta"] for chunk in answer.chunks for choice in chunk["choices"]]


def finish(answer: RestAnswer) -> str:
    """Why a stream's only answer ended."""
    [reason] = [c["finish_reason"] for chunk in answer.chunks for c in chunk["choices"] if c["finish_reason"]]
    return reason


def arguments(call: Json) -> Json:
    """The arguments of a tool call."""
    return json.loads(call["function"]["arguments"])
