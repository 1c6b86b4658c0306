import asyncio
import logging
import threading
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NoReturn

import pytest

from service.backends.dialect import HttpCall, Target
from service.backends.openai import OpenAiDialect
from service.config import Timeouts
from service.errors import ApiError, Kind
from service.upstream.authentication import Authenticator
from service.upstream.google_auth import GoogleAuth, Grant, TokenError
from tests.upstream.token_endpoint import TOKEN, TokenEndpoint, token_endpoint

TARGET = Target(
    vendor="vertex_ai",
    deployment="",
    model="gemini-2.5-flash",
    dialect=OpenAiDialect(),
    base_url="http://v",
    timeouts=Timeouts(),
    auth="google",
)


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Generator[TokenEndpoint]:
    with token_endpoint() as opened:
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(opened.key_file(tmp_path)))
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield opened


async def authorized(auth: GoogleAuth) -> dict[str, str]:
    call = HttpCall("/", {}, b"")
    await auth(call, TARGET)
    return call.headers


class Issuer:
    """Gives numbered grants, when it is let to."""

    def __init__(self, lasts: timedelta | None = timedelta(hours=1)) -> None:
        self.lasts = lasts
        self.count = 0
        self.fails = False
        self.begun = threading.Event()
        self.open = threading.Event()
        self.open.set()

    def __call__(self) -> Grant:
        self.count += 1
        self.begun.set()
        assert self.open.wait(30)
        if self.fails:
            raise TokenError("no luck")
        expires = None if self.lasts is None else datetime.now(UTC) + self.lasts
        return Grant({"authorization": f"Bearer {self.count}"}, expires)


async def test_a_service_accounts_key_becomes_a_bearer_token_that_is_kept(endpoint: TokenEndpoint) -> None:
    authenticator = Authenticator()
    for _ in range(3):
        call = HttpCall("/", {}, b"")
        await authenticator.authenticate(call, TARGET, _send_nothing)
        assert call.headers == {"authorization": f"Bearer {TOKEN}"}
    (request,) = endpoint.requests
    assert "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer" in request


async def test_the_loop_runs_on_and_one_token_serves_all_who_wait(endpoint: TokenEndpoint) -> None:
    endpoint.open.clear()
    auth = GoogleAuth()
    calls = [asyncio.ensure_future(authorized(auth)) for _ in range(20)]
    turns = 0
    # Had anything blocked the loop, nobody could open the endpoint.
    while not endpoint.requests:
        turns += 1
        await asyncio.sleep(0)
    calls[0].cancel()
    await asyncio.sleep(0)
    endpoint.open.set()
    assert await asyncio.gather(*calls[1:]) == [{"authorization": f"Bearer {TOKEN}"}] * 19
    assert calls[0].cancelled()
    assert turns > 1
    assert len(endpoint.requests) == 1


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (400, {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}),
        (401, {"access_token": TOKEN}),
        (200, {"unexpected": TOKEN}),
    ],
)
async def test_a_refusal_is_an_error_of_ours_that_shows_no_token(
    endpoint: TokenEndpoint, caplog: pytest.LogCaptureFixture, status: int, answer: dict[str, str]
) -> None:
    endpoint.status, endpoint.answer = status, answer
    with caplog.at_level(logging.INFO), pytest.raises(ApiError) as caught:
        await authorized(GoogleAuth())
    assert caught.value.kind is Kind.UPSTREAM_AUTH
    assert "vertex_ai" in caught.value.message
    shown = caught.value.message + caplog.text + "".join(str(record.__dict__) for record in caplog.records)
    assert TOKEN not in shown
    assert "PRIVATE KEY" not in shown
    if "error" in answer:
        assert any("invalid_grant" in str(record.__dict__.get("fields")) for record in caplog.records)


@pytest.mark.parametrize("content", [None, "", "{}", '{"type": "service_account", "private_key": "planted"}'])
async def test_a_bad_key_file_is_an_error_and_a_mended_one_is_read(
    endpoint: TokenEndpoint,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    content: str | None,
) -> None:
    bad = tmp_path / "bad.json"
    if content is not None:
        bad.write_text(content)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(bad))
    auth = GoogleAuth()
    with pytest.raises(ApiError) as caught:
        await authorized(auth)
    assert caught.value.kind is Kind.UPSTREAM_AUTH
    assert "planted" not in caught.value.message + str([record.__dict__ for record in caplog.records])
    bad.write_bytes(endpoint.key_file(tmp_path).read_bytes())
    assert await authorized(auth) == {"authorization": f"Bearer {TOKEN}"}


async def test_an_old_token_serves_while_a_new_one_is_fetched() -> None:
    issuer = Issuer(lasts=timedelta(seconds=100))
    auth = GoogleAuth(lambda: issuer)
    assert await authorized(auth) == {"authorization": "Bearer 1"}
    issuer.open.clear()
    issuer.begun.clear()
    issuer.lasts = timedelta(hours=1)
    for _ in range(5):
        assert await authorized(auth) == {"authorization": "Bearer 1"}
    await asyncio.to_thread(issuer.begun.wait, 30)
    issuer.open.set()
    headers = await authorized(auth)
    while headers == {"authorization": "Bearer 1"}:
        await asyncio.sleep(0)
        headers = await authorized(auth)
    assert headers == {"authorization": "Bearer 2"}
    assert issuer.count == 2


async def test_a_renewal_that_fails_hurts_nobody_until_the_token_is_over() -> None:
    issuer = Issuer(lasts=timedelta(seconds=100))
    auth = GoogleAuth(lambda: issuer)
    await authorized(auth)
    issuer.fails = True
    while issuer.count < 3:
        assert await authorized(auth) == {"authorization": "Bearer 1"}
        await asyncio.sleep(0)


async def test_a_token_that_is_over_is_never_sent() -> None:
    issuer = Issuer(lasts=timedelta(seconds=-1))
    auth = GoogleAuth(lambda: issuer)
    await authorized(auth)
    issuer.fails = True
    with pytest.raises(ApiError) as caught:
        await authorized(auth)
    assert caught.value.kind is Kind.UPSTREAM_AUTH


async def test_a_token_without_an_end_is_kept() -> None:
    issuer = Issuer(lasts=None)
    auth = GoogleAuth(lambda: issuer)
    assert [await authorized(auth) for _ in range(3)] == [{"authorization": "Bearer 1"}] * 3


def test_a_grant_shows_no_token() -> None:
    assert "secret" not in repr(Grant({"authorization": "Bearer secret"}, None))


async def _send_nothing(call: HttpCall, target: Target) -> NoReturn:
    raise AssertionError("nothing is to be sent")
