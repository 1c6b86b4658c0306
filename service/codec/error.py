"""What is wrong with a JSON document, and where: the one exception that decoding raises."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from service.codec.text import JsonValue

_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_SHOWN = 64


class DecodeError(ValueError):
    """A document that is not JSON, or that a message has no place for.

    `path` says where, `messages[2].content[0].image_url.url`; "" is the whole body. `problem` says what,
    `expected a string, got a number`; it names kinds of values and never repeats a string that was sent.
    """

    path: str
    problem: str

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(path, problem)
        self.path = path
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}" if self.path else self.problem

    def under(self, step: str | int) -> DecodeError:
        """Moves the error into the member or element `step` of what holds it; returns itself.

        Called while the error unwinds, so that a document without errors never pays for its paths.
        """
        separator = "." if self.path and not self.path.startswith("[") else ""
        self.path = f"{_step(step)}{separator}{self.path}"
        return self


def _step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    if _PLAIN_NAME.fullmatch(step):
        return step
    shown = step if len(step) <= _SHOWN else f"{step[:_SHOWN]}…"
    # With escapes: a member's name may hold what no header and no log line may.
    return f"[{json.dumps(shown)}]"


def kind(value: JsonValue) -> str:
    """What a value is called in an error: `a string`, `null` and so on."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case dict():
            return "an object"
        case list():
            return "a list"
        case _:
            return "JSON text"


def mismatch(expected: str, value: JsonValue) -> DecodeError:
    """The error of a value that is not of the `expected` kind (`a string`)."""
    return DecodeError("", f"expected {expected}, got {kind(value)}")
