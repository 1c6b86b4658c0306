"""What every lane does with its client; runs in the client's environment, so it imports nothing but the standard library."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, cast

QUESTION = ({"role": "user", "content": "Say hello to Ann in one sentence."},)
WRONG_KEY = "wrong-key-0123456789"


@dataclass(frozen=True, slots=True)
class Client:
    """The calls that a lane makes, whatever the client calls them."""

    create: Callable[..., Any]
    """Makes a completion from keyword arguments; an iterable of chunks with `stream=True`."""
    list_models: Callable[[], list[str]] | None
    """Names of the models that the service offers; None where the client has no such call."""


@dataclass(slots=True)
class Answer:
    """A completion as the client showed it, whole or folded from its chunks."""

    text: str = ""
    chunks: int = 0
    """0 where it was not streamed."""
    ids: list[str] = field(default_factory=list[str])
    models: list[str] = field(default_factory=list[str])
    kinds: list[str] = field(default_factory=list[str])
    """Values of `object`."""
    finish_reasons: list[str] = field(default_factory=list[str])
    usage: dict[str, int] | None = None
    raised: str | None = None
    """Class of the exception that ended a stream."""


def get(thing: Any, name: str) -> Any:
    """Read a field of a client's model, or of the plain dict that a client's loose types may leave in its place."""
    return cast("Mapping[str, Any]", thing).get(name) if isinstance(thing, Mapping) else getattr(thing, name, None)


def take(answer: Answer, part: Any, content: str) -> None:
    """Add a completion or a chunk, whose text is in the field `content` of each choice."""
    for seen, name in ((answer.ids, "id"), (answer.models, "model"), (answer.kinds, "object")):
        if get(part, name) not in seen:
            seen.append(get(part, name))
    for choice in get(part, "choices"):
        answer.text += get(get(choice, content), "content") or ""
        if reason := get(choice, "finish_reason"):
            answer.finish_reasons.append(reason)
    if usage := get(part, "usage"):
        names = ("prompt_tokens", "completion_tokens", "total_tokens")
        answer.usage = {name: get(usage, name) for name in names}


def unary(client: Client, model: str) -> Answer:
    """Make one completion."""
    answer = Answer()
    take(answer, client.create(model=model, messages=QUESTION, max_tokens=16, temperature=0), "message")
    return answer


def streamed(client: Client, model: str) -> Answer:
    """Make one completion in chunks; a failure on the way is part of what was seen."""
    answer = Answer()
    chunks: Iterable[Any] = client.create(
        model=model,
        messages=QUESTION,
        max_tokens=16,
        temperature=0,
        stream=True,
        stream_options={"include_usage": True},
    )
    try:
        for chunk in chunks:
            answer.chunks += 1
            take(answer, chunk, "delta")
    except Exception as error:  # noqa: BLE001 -- which exception it is, is the observation
        answer.raised = type(error).__name__
    finally:
        # One that is left open is closed by the garbage collector, wherever that strikes: inside httpcore's lock, which
        # closing takes too, the client waits for itself.
        close = getattr(chunks, "close", None)
        if callable(close):
            close()
    return answer


def failure(call: Callable[[], object]) -> dict[str, object]:
    """Return the exception of a call that must fail: its class, status, body and message."""
    try:
        call()
    except Exception as error:  # noqa: BLE001 -- which exception it is, is the observation
        response: Any = getattr(error, "response", None)
        return {
            "class": type(error).__name__,
            "status": getattr(error, "status_code", None),
            "body": getattr(error, "body", None),
            "message": str(error),
            "retry_after": response.headers.get("retry-after") if response is not None else None,
        }
    return {"class": None}


def main(connect: Callable[[str, str], Client]) -> None:
    """Drive the client that `connect` makes from a base URL and a key, and print what it saw as one JSON object."""
    parser = argparse.ArgumentParser()
    for name in ("base-url", "api-key", "busy", "down", "broken"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--models", nargs="+", required=True)
    arguments = parser.parse_args()
    client = connect(arguments.base_url, arguments.api_key)
    stranger = connect(arguments.base_url, WRONG_KEY)
    models: list[str] = arguments.models
    model = models[0]
    seen: dict[str, object] = {
        "unary": {name: asdict(unary(client, name)) for name in models},
        "streamed": {name: asdict(streamed(client, name)) for name in models},
        "broken": asdict(streamed(client, arguments.broken)),
        "models": client.list_models() if client.list_models else None,
        "errors": {
            "400": failure(lambda: client.create(model=model, messages=QUESTION, temperature="hot")),
            "401": failure(lambda: unary(stranger, model)),
            "404": failure(lambda: unary(client, "nobody/has-this")),
            "429": failure(lambda: unary(client, arguments.busy)),
            "503": failure(lambda: unary(client, arguments.down)),
            "503 streamed": failure(lambda: streamed(client, arguments.down)),
        },
    }
    print(json.dumps(seen))
