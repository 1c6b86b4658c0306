"""Judges what callers saw against what the vendor sent; the service is not asked."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from tests.faults.seen import Ending, Face, Seen


class Must(Enum):
    """What a caller has to be told."""

    COMPLETE = "complete"
    ERROR = "error"
    EITHER = "either"


@dataclass(frozen=True, slots=True)
class Promise:
    """What the vendor sent, and so what a caller may see."""

    must: Must
    text: str
    """Content of all that the vendor sends before it fails; the whole answer's where it does not."""
    limit: float
    """Seconds until the deadline that ends it."""
    finish: str = "stop"
    """The finish reason of an answer that may be whole."""
    cut_allowed: bool = False
    """Whether the connection may break: only where the process that holds it is killed."""


def problems(promise: Promise, seen: Seen) -> list[str]:
    """Why what one caller saw is a failure of the service; nothing where it is not."""
    found: list[str] = []
    if not promise.text.startswith(seen.text):
        found.append(f"got text that was not sent so, or twice: {seen.text[:80]!r}")
    match seen.ending:
        case Ending.WAITING:
            found.append(f"still waited after {seen.seconds:.1f} s, {promise.limit:g} s being the deadline")
        case Ending.SILENT:
            found.append("the answer ended without a word")
        case Ending.MALFORMED:
            found.append(f"got what is not in the protocol: {seen.detail}")
        case Ending.CUT if not promise.cut_allowed:
            found.append(f"the connection broke instead of an error: {seen.detail}")
        case Ending.COMPLETE if promise.must is Must.ERROR:
            found.append("a broken answer was told as complete")
        case Ending.COMPLETE if seen.text != promise.text or seen.finish != promise.finish:
            found.append(f"a truncated answer was told as complete: {seen.text[:80]!r}, {seen.finish!r}")
        case Ending.ERROR if promise.must is Must.COMPLETE:
            found.append(f"a whole answer was told as the error {seen.code}: {seen.detail}")
        case Ending.ERROR if seen.code == "internal_error" or (not seen.code and not promise.cut_allowed):
            found.append(f"an error without a name of its own: {seen.status} {seen.code} {seen.detail}")
        case _:
            pass
    return found


def disagreements(seen: Mapping[Face, Seen]) -> list[str]:
    """Where faces tell of the same fault differently."""
    found: list[str] = []
    for ours, other in (
        (Face.REST_STREAM, Face.GRPC_STREAM),
        (Face.REST_UNARY, Face.GRPC_UNARY),
        (Face.REST_STREAM, Face.OFFICIAL_STREAM),
        (Face.REST_UNARY, Face.OFFICIAL_UNARY),
    ):
        if ours in seen and other in seen and _gist(seen[ours]) != _gist(seen[other]):
            found.append(f"{ours.value} says {_gist(seen[ours])}, {other.value} says {_gist(seen[other])}")
    return found


def _gist(seen: Seen) -> tuple[str, str, str]:
    return seen.ending.value, seen.code, seen.text
