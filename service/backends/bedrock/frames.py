"""Splits an AWS event stream into its frames, however its bytes are cut.

Format: https://smithy.io/2.0/aws/amazon-eventstream.html. A parser of our own because botocore's takes five times as
long per frame (8 to 10 µs against 1.7 µs) and would make every installation need botocore.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from struct import Struct
from typing import NamedTuple
from zlib import crc32

_PRELUDE = Struct(">III")
_PRELUDE_CHECKED = 8
_CHECKSUM = 4
_MOST_HEADERS = 128 * 1024
_MOST_KINDS = 64
_TEXT = 7
_FIXED = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
"""Bytes of a header's value by its type; 6 (bytes) and 7 (text) say their length themselves."""


class Frame(NamedTuple):
    """One frame."""

    headers: Mapping[str, str]
    """The headers that are text, such as `:event-type`."""
    payload: bytes


class FrameError(ValueError):
    """The bytes are no event stream, or were damaged on the way."""


@dataclass(slots=True)
class FrameParser:
    """Incremental parser of one stream; never reused."""

    limit: int = 25 * 1024 * 1024
    """Most bytes of one frame."""
    _pieces: list[bytes] = field(default_factory=list[bytes])
    _size: int = 0
    _wanted: int = _PRELUDE.size
    """Bytes without which nothing more can be told."""
    _headers: dict[bytes, Mapping[str, str]] = field(default_factory=dict[bytes, Mapping[str, str]])
    """By their bytes, since a stream has few kinds of frames, and many of each."""

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that these bytes complete; to be iterated to the end. FrameError after those before the damage."""
        self._pieces.append(data)
        self._size += len(data)
        if self._size < self._wanted:
            return
        text = b"".join(self._pieces)
        at, size = 0, len(text)
        self._wanted = _PRELUDE.size
        while size - at >= _PRELUDE.size:
            total, headers, checksum = _PRELUDE.unpack_from(text, at)
            if crc32(text[at : at + _PRELUDE_CHECKED]) != checksum:
                raise FrameError("the checksum of a frame's beginning does not fit it")
            if total > self.limit or headers > _MOST_HEADERS:
                raise FrameError(f"a frame is larger than {self.limit} bytes")
            if headers + _PRELUDE.size + _CHECKSUM > total:
                raise FrameError("a frame is shorter than its headers")
            if size - at < total:
                self._wanted = total
                break
            end = at + total - _CHECKSUM
            if crc32(text[at:end]) != int.from_bytes(text[end : at + total], "big"):
                raise FrameError("a frame's checksum does not fit it")
            begin = at + _PRELUDE.size
            yield Frame(self._parsed(text[begin : begin + headers]), text[begin + headers : end])
            at += total
        self._pieces = [text[at:]] if at < size else []
        self._size = size - at

    @property
    def pending(self) -> bool:
        """Whether the bytes so far end within a frame."""
        return self._size > 0

    def _parsed(self, block: bytes) -> Mapping[str, str]:
        known = self._headers.get(block)
        if known is None:
            known = _parse_headers(block)
            if len(self._headers) < _MOST_KINDS:
                self._headers[block] = known
        return known


def _parse_headers(block: bytes) -> Mapping[str, str]:
    headers: dict[str, str] = {}
    at = 0
    try:
        while at < len(block):
            start, at = at + 1, at + 1 + block[at]
            name = block[start:at].decode()
            kind = block[at]
            at += 1
            if (width := _FIXED.get(kind)) is None:
                if kind not in {_TEXT - 1, _TEXT}:
                    raise FrameError(f"a header has the unknown type {kind}")
                width = int.from_bytes(block[at : at + 2], "big")
                at += 2
            value, at = block[at : at + width], at + width
            if kind == _TEXT:
                headers[name] = value.decode()
    except (IndexError, UnicodeDecodeError):
        raise FrameError("a frame's headers are malformed") from None
    if at != len(block):
        raise FrameError("a frame's headers are malformed")
    return headers
