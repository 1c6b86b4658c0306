"""CORS is off unless it is asked for; then pages of the named origins may call, and no others."""

import io
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio

from gateway.render import source, worker_socket
from service.config import ConfigError
from service.config.load import parse
from tests.gateway.edge import Edge, running_edge, runtime_directory
from tests.gateway.worker import Script, serving

CHAT = "/v1/chat/completions"
APP = "https://app.example.com"
SETTING = "cors: {origins: [HTTPS://app.example.com, 'https://*.example.org', 'http://localhost:3000']}"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def pages() -> AsyncIterator[Edge]:
    """An Envoy for the pages that parley.yaml names."""
    cors = parse(SETTING).cors
    assert cors is not None
    with runtime_directory() as directory:
        async with (
            serving(worker_socket(directory, 0), Script()),
            running_edge(directory, cors=cors.origins) as edge,
        ):
            yield edge


def preflight(origin: str) -> dict[str, str]:
    return {
        "origin": origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type,x-api-key,x-stainless-os",
    }


@pytest.mark.parametrize("origin", [APP, "https://a.example.org", "https://a.b.example.org", "http://localhost:3000"])
@pytest.mark.parametrize("path", [CHAT, "/v1/models", "/parley.chat.v1.ChatService/StreamCompletion"])
async def test_a_preflight_needs_no_key(origin: str, path: str, pages: Edge) -> None:
    async with (
        aiohttp.ClientSession(pages.url) as http,
        http.options(path, headers=preflight(origin)) as answer,
    ):
        assert answer.status == 200
        said = {name.lower(): value for name, value in answer.headers.items()}
        assert said["access-control-allow-origin"] == origin
        assert "POST" in said["access-control-allow-methods"]
        assert {name.strip() for name in said["access-control-allow-headers"].split(",")} == {"*", "authorization"}
        assert "access-control-allow-credentials" not in said


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.com",
        "http://app.example.com",
        "https://app.example.com:444",
        "https://app.example.com.evil.com",
        "https://example.org",
        "https://evil.com/.example.org",
        "https://aXexample.org",
        "null",
    ],
)
async def test_another_page_is_told_nothing(origin: str, pages: Edge) -> None:
    async with aiohttp.ClientSession(pages.url) as http:
        async with http.options(CHAT, headers=preflight(origin)) as answer:
            assert "access-control-allow-origin" not in answer.headers
        async with http.post(CHAT, json={}, headers={"origin": origin}) as answer:
            assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", CHAT, b"{}", 200),
        ("GET", "/v1/models", b"", 200),
        ("GET", "/v5/chat/completions/models?limit=x", b"", 400),
        ("POST", "/parley.chat.v1.ChatService/CreateCompletion", bytes(2**20 + 1), 413),
    ],
)
async def test_a_page_may_read_answers_and_errors_with_all_their_headers(
    method: str, path: str, body: bytes, status: int, pages: Edge
) -> None:
    async with (
        aiohttp.ClientSession(pages.url) as http,
        http.request(method, path, data=io.BytesIO(body) if body else None, headers={"origin": APP}) as answer,
    ):
        assert answer.status == status
        assert answer.headers["access-control-allow-origin"] == APP
        assert answer.headers["access-control-expose-headers"] == "*"


def test_the_filter_is_in_no_chain_that_does_not_need_it() -> None:
    assert parse("{}").cors is None
    assert "filters.http.cors" not in source().read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "value",
    [
        "{origins: []}",
        "{}",
        "{origins: [app.example.com]}",
        "{origins: ['https://a.com/']}",
        "{origins: ['https://*']}",
        "{origin: ['*']}",
    ],
)
def test_what_is_no_origin_is_refused_with_its_place(value: str) -> None:
    with pytest.raises(ConfigError, match=r"cors"):
        parse(f"cors: {value}")
