"""Writes google.api.HttpBody without making the message, which would be made only to be written.

Source: google/api/httpbody.proto; https://protobuf.dev/programming-guides/encoding/.
"""

from collections.abc import Callable

from google.api.httpbody_pb2 import HttpBody

_DATA = b"\x12"
"""Field 2, with a length."""


def writer(content_type: str) -> Callable[[bytes], bytes]:
    """Makes what writes a message with this content type and the data that it is given."""
    prefix = HttpBody(content_type=content_type).SerializeToString() + _DATA

    def write(data: bytes) -> bytes:
        return b"%b%b%b" % (prefix, _varint(len(data)), data)

    return write


def _varint(number: int) -> bytearray:
    found = bytearray()
    while number >= 0x80:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    found.append(number)
    return found
