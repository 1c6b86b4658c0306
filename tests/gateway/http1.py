"""HTTP/1.1 as bytes, for requests that no client library would send and answers that it would hide."""

import asyncio
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes
    """As it is on the wire, chunked transfer coding included."""


async def exchange(port: int, request: bytes) -> Answer:
    """Sends the bytes and reads one answer, to the end of the connection where it has no length; ask for `connection: close` where the request is good."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        status_line, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().rstrip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = headers.get("content-length", "-1")
        body = await (
            reader.read() if request.startswith(b"HEAD ") or length == "-1" else reader.readexactly(int(length))
        )
        return Answer(int(status_line.split()[1]), headers, body)
    finally:
        writer.close()
        await writer.wait_closed()
