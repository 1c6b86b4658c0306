"""Errors that Envoy makes itself have the shape of all errors, and the status and headers that HTTP asks for."""

import io
import json
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest

from gateway.render import source
from tests.gateway.edge import Edge, running_edge, runtime_directory
from tests.gateway.http1 import exchange
from tests.gateway.worker import Script

CHAT = "/v1/chat/completions"
CREATE = "/parley.chat.v1.ChatService/CreateCompletion"
MIB = 2**20


@dataclass(frozen=True, slots=True)
class Case:
    id: str
    method: str
    path: str
    status: int
    code: str
    message: str
    """A part of it."""
    headers: dict[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""
    sent: dict[str, str] = field(default_factory=dict[str, str])
    """Headers of the request."""


def not_allowed(method: str, path: str, allow: str) -> Case:
    message = f"{method} is not allowed on {path}"
    return Case(f"{method} {path}", method, path, 405, "method_not_allowed", message, {"allow": allow})


CASES = (
    not_allowed("GET", CHAT, "POST"),
    not_allowed("PUT", "/v4/beta/chat/completions", "POST"),
    not_allowed("DELETE", "/v5/chat/completions", "POST"),
    not_allowed("POST", "/v1/models", "GET"),
    not_allowed("DELETE", "/v1/models/openai/gpt-4o", "GET"),
    not_allowed("POST", "/v5/chat/completions/models", "GET"),
    not_allowed("GET", CREATE, "POST"),
    Case("unknown path", "GET", "/nope", 404, "not_found", "Unknown request URL: GET /nope."),
    Case("root", "GET", "/", 404, "not_found", "GET /."),
    Case("trailing slash", "POST", f"{CHAT}/", 404, "not_found", f"POST {CHAT}/."),
    Case("legacy completions", "POST", "/v1/completions", 404, "not_found", "POST /v1/completions."),
    Case("quotes are escaped", "GET", '/a"b\\c', 404, "not_found", "GET /a%22b%5Cc."),
    Case("a query is not repeated", "GET", "/nope?key=secret", 404, "not_found", "GET /nope."),
    Case("unknown typed method", "POST", f"{CREATE}s", 404, "not_found", f"POST {CREATE}s."),
    Case("health is not REST", "POST", "/grpc.health.v1.Health/Check", 404, "not_found", "Unknown request URL"),
    Case("bad query parameter", "GET", "/v5/chat/completions/models?limit=x", 400, "bad_request", 'limit: invalid value "x"'),
    Case("typed JSON cut short", "POST", CREATE, 400, "bad_request", "Closing quote expected", body=b'{"model'),
    Case("typed JSON of wrong type", "POST", CREATE, 400, "bad_request", "model: invalid value 1.5", body=b'{"model": 1.5}'),
    Case("a compressed chat", "POST", CHAT, 415, "unsupported_encoding", "content-encoding gzip is not decoded", {"accept-encoding": "identity"}, b"\x1f\x8b", {"content-encoding": "gzip"}),
    Case("a compressed typed call", "POST", CREATE, 415, "unsupported_encoding", "content-encoding gzip, br is not", {"accept-encoding": "identity"}, b"\x1f\x8b", {"content-encoding": "gzip, br"}),
    Case("chat too large", "POST", CHAT, 413, "request_too_large", "Chat takes up to 64 MiB", body=bytes(64 * MIB + 1)),
    Case("typed too large", "POST", CREATE, 413, "request_too_large", "everything else 1 MiB", body=bytes(MIB + 1)),
    Case("list too large", "GET", "/v1/models", 413, "request_too_large", "everything else 1 MiB", body=bytes(MIB + 1)),
)  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
async def test_error_of_the_edge(case: Case, worker: Script, http: aiohttp.ClientSession) -> None:
    data = io.BytesIO(case.body) if case.body else None
    async with http.request(case.method, case.path, data=data, headers=case.sent) as answer:
        assert answer.status == case.status
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["x-request-id"]
        assert {name: answer.headers.get(name) for name in case.headers} == case.headers
        error = (await answer.json())["error"]
    assert error.keys() == {"message", "type", "param", "code"}
    assert (error["type"], error["param"], error["code"]) == ("invalid_request_error", None, case.code)
    assert case.message in error["message"]
    assert "secret" not in error["message"]
    assert worker.seen == []


CLOSE = b"host: x\r\nconnection: close\r\n"


@pytest.mark.parametrize(
    ("request_bytes", "status", "code"),
    [
        pytest.param(b"nonsense\r\n\r\n", 400, "bad_request", id="no HTTP"),
        pytest.param(b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400, "bad_request", id="header without colon"),
        pytest.param(b"GET / HTTP/1.1\r\nconnection: close\r\n\r\n", 400, "bad_request", id="no host"),
        pytest.param(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n", 400, "bad_request", id="negative length"),
        pytest.param(
            b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
            400, "bad_request", id="two lengths",
        ),
        pytest.param(b"GET / HTTP/1.1\r\nbig: " + b"x" * 65536 + b"\r\n\r\n", 431, "headers_too_large", id="64 KiB of header"),
        pytest.param(
            b"GET / HTTP/1.1\r\n" + b"".join(b"h%d: x\r\n" % n for n in range(101)) + CLOSE + b"\r\n",
            431, "headers_too_large", id="too many headers",
        ),
        pytest.param(
            b"GET /v1/models HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
            403, "upgrade_not_allowed", id="WebSocket",
        ),
    ],
)  # fmt: skip
async def test_malformed_http(request_bytes: bytes, status: int, code: str, edge: Edge, worker: Script) -> None:
    answer = await exchange(edge.port, request_bytes)
    assert answer.status == status
    assert answer.headers["content-type"] == "application/json"
    error = json.loads(answer.body)["error"]
    assert error.keys() == {"message", "type", "param", "code"}
    assert (error["type"], error["code"]) == ("invalid_request_error", code)
    assert worker.seen == []


@pytest.mark.parametrize(
    "unfinished",
    [
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n",
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{",
    ],
    ids=["headers", "body"],
)
async def test_caller_who_never_finishes_sending(unfinished: bytes, tmp_path: Path) -> None:
    text = source().read_text(encoding="utf-8")
    for given, quick in (
        ("request_headers_timeout: 10s", "request_headers_timeout: 0.2s"),
        ("request_timeout: 300s", "request_timeout: 0.4s"),
    ):
        assert given in text
        text = text.replace(given, quick)
    (tmp_path / "quick.yaml").write_text(text, encoding="utf-8")
    with runtime_directory() as directory:
        async with running_edge(directory, template=tmp_path / "quick.yaml") as edge:
            answer = await exchange(edge.port, unfinished)
    assert answer.status == 408
    error = json.loads(answer.body)["error"]
    assert (error["type"], error["code"]) == ("timeout_error", "request_timeout")


async def test_head_of_an_error_has_no_body(edge: Edge) -> None:
    answer = await exchange(edge.port, b"HEAD /v1/models HTTP/1.1\r\n" + CLOSE + b"\r\n")
    assert (answer.status, answer.headers["allow"], answer.body) == (405, "GET", b"")
