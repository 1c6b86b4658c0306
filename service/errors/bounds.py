"""How long what a caller or a vendor wrote may be where it is told again: in messages, headers, trailers and logs.

Envoy closes the whole connection to a worker over a head of an answer that is too large, and with it every stream; gRPC
clients lose an error whose trailers are above 8 KiB. What is told stays below both, in whatever script it is written.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable
from urllib.parse import quote

MESSAGE = 2000
"""Characters of an error's message."""

NAME = 256
"""Characters of a name, a path of a field, a code or an identifier."""

STATUS = 4600
"""Bytes of an error's message in gRPC's trailers, where it stands twice: percent-encoded, and in base64."""

DETAIL = 256
"""Bytes of each further text in the details of a gRPC status."""

HEADER = 512
"""Bytes of a header that tells what was done with the request."""

METADATA = 64 * 1024
"""Bytes of a request's headers that a worker takes: above the edge's 60 KiB, which refuses more by name."""

_INDEX = re.compile(r"\[\d+\]")
_PLAIN = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != "%")


def cut(text: str, most: int = NAME) -> str:
    """The text, or its beginning and how long it is, with so many characters at most."""
    if len(text) <= most:
        return text
    mark = f"… ({len(text):,} characters)"
    return text[: most - len(mark)] + mark


def cut_bytes(text: str, most: int) -> str:
    """The text, or its beginning and how long it is, with so many bytes of UTF-8 at most."""
    return text if len(text) * 4 <= most else _fitted(text, most, lambda each: len(each.encode(errors="replace")))


def cut_status(message: str) -> str:
    """A message as the trailers of gRPC take it with its copies."""
    return message if len(message) * 12 <= STATUS else _fitted(message, STATUS, _in_trailers)


def header(value: str, most: int = HEADER) -> str:
    """The value as a header can hold it: printable ASCII, other characters as escapes, with so many bytes at most."""
    if not (value.isascii() and value.isprintable()):
        value = (
            "".join(
                each if " " <= each <= "~" else each.encode("unicode_escape", "surrogatepass").decode("ascii")
                for each in value[:most]
            )
            + value[most:].encode("ascii", "replace").decode()
        )
        value = "".join(each if each.isprintable() else "?" for each in value)
    if len(value) <= most:
        return value.strip()
    mark = f"... ({len(value):,} characters)"
    return value[: most - len(mark)].strip() + mark


def joined(entries: Iterable[str], most: int = HEADER) -> str:
    """A header's list of as many entries as fit, and how many more there are."""
    told: list[str] = []
    size = missing = 0
    for entry in entries:
        value = header(entry, NAME)
        size += len(value) + 2
        if size > most - 24:
            missing += 1
        else:
            told.append(value)
    if missing:
        told.append(f"... ({missing:,} more)")
    return ", ".join(told)


def grouped(paths: Iterable[str]) -> list[str]:
    """Paths of fields, each field once: `messages[*].name (300)` where it stands at several places."""
    groups: dict[str, list[str]] = {}
    for path in paths:
        groups.setdefault(_INDEX.sub("[*]", path) if "[" in path else path, []).append(path)
    return [own[0] if len(own) == 1 else f"{field} ({len(own):,})" for field, own in groups.items()]


def _in_trailers(text: str) -> int:
    return len(quote(text, safe=_PLAIN, errors="replace")) + len(text.encode(errors="replace")) * 4 // 3


def _fitted(text: str, most: int, size: Callable[[str], int]) -> str:
    if size(text) <= most:
        return text
    mark = f"… ({len(text):,} characters)"
    fits = bisect_right(range(min(len(text), most) + 1), most - size(mark), key=lambda end: size(text[:end]))
    return text[: max(fits - 1, 0)] + mark
