"""The bytes in which an answer over gRPC comes to a decoder, so that a dialect of gRPC is as pure as one of HTTP.

They are those of gRPC-Web (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md): frames of a flag, a length
and that many bytes. A frame holds a message, or metadata as lines of text: the last has `grpc-status`, and one before
all messages has the metadata that the answer began with.
"""

import base64
import binascii
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

_MESSAGE = 0x00
_METADATA = 0x80
_HEAD = struct.Struct(">BI")
_PRINTABLE = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != "%")

LARGEST = 72 * 1024 * 1024
"""Most bytes of one frame: as the service's own gRPC server takes."""

STATUS = "grpc-status"
MESSAGE = "grpc-message"
DETAILS = "grpc-status-details-bin"

Metadata = Mapping[str, str]
"""By name in lower case; values of names that end in `-bin` in base64, others as they are."""


class FrameError(ValueError):
    """Bytes that are no frames."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame."""

    payload: bytes
    is_metadata: bool


def message_frame(message: bytes) -> bytes:
    """A message as a frame."""
    return _HEAD.pack(_MESSAGE, len(message)) + message


def metadata_frame(metadata: Metadata) -> bytes:
    """Metadata as a frame. The text of a status may hold anything, so it is percent-encoded, as gRPC itself does."""
    lines = (
        f"{name}: {quote(value, safe=_PRINTABLE) if name == MESSAGE else value}" for name, value in metadata.items()
    )
    block = "".join(f"{line}\r\n" for line in lines).encode("utf-8")
    return _HEAD.pack(_METADATA, len(block)) + block


def read_metadata(payload: bytes) -> dict[str, str]:
    """The metadata of a frame. FrameError for what is none."""
    metadata: dict[str, str] = {}
    try:
        for line in payload.decode("utf-8").split("\r\n"):
            name, colon, value = line.partition(": ")
            if line and not colon:
                raise FrameError("a line of its metadata has no name")
            if line:
                metadata[name] = unquote(value) if name == MESSAGE else value
    except UnicodeDecodeError:
        raise FrameError("its metadata are not UTF-8") from None
    return metadata


def as_metadata(pairs: Iterable[tuple[str, str | bytes]]) -> dict[str, str]:
    """Metadata as a gRPC library has them; of a name that is there twice, the last."""
    return {name: value if isinstance(value, str) else base64.b64encode(value).decode() for name, value in pairs}


def binary(metadata: Metadata, name: str) -> bytes:
    """The value of a binary name; empty where there is none, or it is no base64."""
    text = metadata.get(name, "")
    try:
        # gRPC leaves the padding out.
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""


@dataclass(slots=True)
class FrameParser:
    """Finds frames in the bytes of one answer, wherever those are cut; never reused."""

    _bytes: bytearray = field(default_factory=bytearray)

    def feed(self, data: bytes) -> Iterable[Frame]:
        """The frames that these bytes complete. FrameError where they are none."""
        self._bytes += data
        while len(self._bytes) >= _HEAD.size:
            flag, length = _HEAD.unpack_from(self._bytes)
            if flag not in {_MESSAGE, _METADATA}:
                raise FrameError(f"a frame has the unknown flag {flag}")
            if length > LARGEST:
                raise FrameError(f"a message is larger than {LARGEST} bytes")
            end = _HEAD.size + length
            if len(self._bytes) < end:
                return
            payload = bytes(self._bytes[_HEAD.size : end])
            del self._bytes[:end]
            yield Frame(payload, flag == _METADATA)
