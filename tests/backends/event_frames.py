"""Writes AWS event-stream frames, as Bedrock does (https://smithy.io/2.0/aws/amazon-eventstream.html)."""

import json
import struct
from typing import Any
from zlib import crc32


def frame(payload: bytes, **headers: str) -> bytes:
    """One frame; of the headers' names, `_` stands for `-`, and the colon before them is added."""
    block = b"".join(_header(f":{name.replace('_', '-')}", value) for name, value in headers.items())
    prelude = struct.pack(">II", 16 + len(block) + len(payload), len(block))
    message = prelude + struct.pack(">I", crc32(prelude)) + block + payload
    return message + struct.pack(">I", crc32(message))


def event(name: str, **body: Any) -> bytes:
    payload = json.dumps(body, ensure_ascii=False).encode()
    return frame(payload, event_type=name, content_type="application/json", message_type="event")


def exception(name: str, **body: Any) -> bytes:
    payload = json.dumps(body).encode()
    return frame(payload, exception_type=name, content_type="application/json", message_type="exception")


def _header(name: str, value: str) -> bytes:
    return bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()
