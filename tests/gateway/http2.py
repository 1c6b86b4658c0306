"""A small HTTP/2 client that shows what others hide: trailers."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, ResponseReceived, StreamEnded, StreamReset, TrailersReceived


@dataclass(slots=True)
class Answer:
    headers: dict[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""
    trailers: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def status(self) -> int:
        return int(self.headers[":status"])


async def request(
    port: int, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> Answer:
    """One request on one connection, with prior knowledge; the body within the initial window of 64 KiB."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    connection = H2Connection(H2Configuration(header_encoding="utf-8"))
    connection.initiate_connection()
    pseudo = [(":method", method), (":path", path), (":authority", "edge"), (":scheme", "http")]
    connection.send_headers(1, [*pseudo, *(headers or {}).items()], end_stream=not body)
    if body:
        connection.send_data(1, body, end_stream=True)
    answer, ended = Answer(), False
    try:
        while not ended:
            writer.write(connection.data_to_send())
            data = await reader.read(65536)
            assert data, "the connection ended before the answer did"
            for event in connection.receive_data(data):
                match event:
                    case ResponseReceived(headers=received):
                        answer.headers = {_text(name): _text(value) for name, value in received or ()}
                    case DataReceived(data=chunk, flow_controlled_length=length):
                        answer.body += chunk or b""
                        connection.acknowledge_received_data(length or 0, 1)
                    case TrailersReceived(headers=received):
                        answer.trailers = {_text(name): _text(value) for name, value in received or ()}
                    case StreamReset(error_code=code):
                        raise ConnectionResetError(code)
                    case StreamEnded():
                        ended = True
                    case _:
                        pass
        return answer
    finally:
        writer.close()
        await writer.wait_closed()


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode()
