"""A server that lets nobody in whose request is not signed as AWS asks, computed from the bytes that arrived.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html.
"""

import asyncio
import contextlib
import hashlib
import hmac
import re
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from urllib.parse import quote

_SCOPE = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, SignedHeaders=([^,]+), Signature=(\w+)"
)


@dataclass(slots=True)
class AwsServer:
    """What it answers, and what it saw."""

    secret: str
    answer: bytes
    port: int = 0
    heads: list[str] = field(default_factory=list[str])

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.heads.append(head)
        lines = head.strip().split("\r\n")
        method, path, _ = lines[0].split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        body = await reader.readexactly(int(headers["content-length"]))
        if self._signed(method, path, headers, body):
            status, kind, text = "200 OK", "x", self.answer
        else:
            status, kind, text = "403 Forbidden", "InvalidSignatureException:", b'{"message":"The signature is wrong"}'
        writer.write(
            f"HTTP/1.1 {status}\r\nx-amzn-errortype: {kind}\r\ncontent-type: application/json\r\n"
            f"connection: close\r\ncontent-length: {len(text)}\r\n\r\n".encode()
            + text
        )
        writer.close()
        await writer.wait_closed()

    def _signed(self, method: str, path: str, headers: dict[str, str], body: bytes) -> bool:
        match = _SCOPE.fullmatch(headers.get("authorization", ""))
        if match is None:
            return False
        _, day, region, service, signed, signature = match.groups()
        canonical = "\n".join(
            (
                method,
                quote(path, safe="/~"),
                "",
                *(f"{name}:{headers[name]}" for name in signed.split(";")),
                "",
                signed,
                hashlib.sha256(body).hexdigest(),
            )
        )
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        text = f"AWS4-HMAC-SHA256\n{headers['x-amz-date']}\n{day}/{region}/{service}/aws4_request\n{digest}"
        key = f"AWS4{self.secret}".encode()
        for part in (day, region, service, "aws4_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        return hmac.compare_digest(hmac.digest(key, text.encode(), "sha256").hex(), signature)


@contextlib.asynccontextmanager
async def aws_server(secret: str, answer: bytes) -> AsyncGenerator[AwsServer]:
    server = AwsServer(secret, answer)
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.port = listener.sockets[0].getsockname()[1]
    async with listener:
        yield server
