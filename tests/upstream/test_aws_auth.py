import asyncio
import dataclasses
import json
import logging
import subprocess
import sys
import threading
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.session import Session
from parley.chat.v1.completion_pb2 import CompletionChunk, CompletionRequest
from parley.chat.v1.message_pb2 import ContentPart, Message

from service.backends.bedrock import BedrockDialect
from service.backends.dialect import HttpCall, Target
from service.backends.run import expanded
from service.config import Timeouts
from service.errors import ApiError, Kind
from service.upstream import Driver, HttpTransport
from service.upstream.authentication import Authenticator
from service.upstream.aws_auth import AwsAuth, Keys, NoKeysError, sign
from tests.upstream.aws_server import aws_server

KEYS = Keys("AKIDEXAMPLE", "planted/secret", "planted-token")
NOW = datetime(2026, 11, 22, 13, 17, 38, tzinfo=UTC)
TARGET = Target(
    vendor="bedrock",
    deployment="",
    model="anthropic.claude-v2:1",
    dialect=BedrockDialect(),
    base_url="https://bedrock-runtime.eu-west-1.amazonaws.com",
    timeouts=Timeouts(),
    auth="sigv4",
    region="eu-west-1",
)
REQUEST = CompletionRequest(model="v/m", messages=[Message(role="user", content=[ContentPart(text="hi")])])
ANSWER = {
    "output": {"message": {"role": "assistant", "content": [{"text": "Hello"}]}},
    "stopReason": "end_turn",
    "usage": {"inputTokens": 1, "outputTokens": 2, "totalTokens": 3},
    "metrics": {"latencyMs": 1},
}


class Chain:
    """Gives numbered keys, when it is let to."""

    def __init__(self, left: int = 3600) -> None:
        self.left = left
        self.count = 0
        self.fails = False
        self.begun = threading.Event()
        self.open = threading.Event()
        self.open.set()
        self.threads: set[int] = set()

    def lasts(self, seconds: int) -> bool:
        return self.left > seconds

    def fetch(self) -> Keys:
        self.count += 1
        self.threads.add(threading.get_ident())
        self.begun.set()
        assert self.open.wait(30)
        if self.fails:
            raise RuntimeError("planted/secret")
        return Keys(f"KEY{self.count}", "planted/secret")


async def signed_by(auth: AwsAuth, target: Target = TARGET) -> str:
    """The access key that a call is signed with."""
    call = HttpCall("/model/m/converse", {"content-type": "application/json"}, b"{}")
    await auth(call, target)
    return call.headers["authorization"].partition("Credential=")[2].partition("/")[0]


@pytest.mark.parametrize("token", [None, "planted-token"])
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", ["anthropic.claude-v2:1", "arn:aws:bedrock:eu-west-1:123456789012:prompt-router/a b"])
def test_a_signature_is_the_one_that_the_sdks_own_client_makes(
    monkeypatch: pytest.MonkeyPatch, model: str, stream: bool, token: str | None
) -> None:
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: NOW)
    monkeypatch.delenv("AWS_BEARER_TOKEN_BEDROCK", raising=False)
    target = dataclasses.replace(TARGET, model=model)
    call = target.dialect.encode(REQUEST, target, stream=stream)
    call.headers.update({"x-request-id": "r1", "authorization": "stale", "x-amz-security-token": "stale"})
    sign(call, target, dataclasses.replace(KEYS, token=token))
    headers = client_headers(model, json.loads(call.body), stream=stream, token=token)
    names = ["authorization", "x-amz-date"] + (["x-amz-security-token"] if token else [])
    assert {name: call.headers[name] for name in names} == {name: headers[name].decode() for name in names}
    assert ("x-amz-security-token" in call.headers) is (token is not None)


def client_headers(model: str, body: dict[str, Any], *, stream: bool, token: str | None) -> dict[str, bytes]:
    """The headers that botocore's client sends for a body that has our bytes."""
    session = Session()
    session.set_credentials(KEYS.access_key, KEYS.secret_key, token)
    client: Any = session.create_client(
        "bedrock-runtime", "eu-west-1", config=Config(retries={"total_max_attempts": 1})
    )
    caught: list[dict[str, bytes]] = []

    def compact(params: dict[str, Any], **_: Any) -> None:
        params["body"] = json.dumps(json.loads(params["body"]), separators=(",", ":")).encode()

    def stop(request: Any, **_: Any) -> None:
        caught.append({name.lower(): value for name, value in request.headers.items()})
        raise InterruptedError

    client.meta.events.register("before-call.bedrock-runtime", compact)
    client.meta.events.register("before-send.bedrock-runtime", stop)
    with pytest.raises(InterruptedError):
        (client.converse_stream if stream else client.converse)(modelId=model, **body)
    return caught[0]


async def complete(target: Target, request: CompletionRequest = REQUEST) -> list[CompletionChunk]:
    """The chunks of an answer, all the way through the driver."""
    auth = AwsAuth(new_chain=lambda: Fixed(KEYS))
    transport = HttpTransport()
    driver = Driver(transport, Authenticator({"sigv4": auth}))
    deadline = asyncio.get_running_loop().time() + 30
    chunks: list[CompletionChunk] = []
    try:
        async with aclosing(driver.run(request, target, stream=False, request_id="r1", deadline=deadline)) as batches:
            async for batch in batches:
                chunks += expanded(batch)
    finally:
        await transport.close()
    return chunks


@dataclasses.dataclass
class Fixed:
    keys: Keys

    def lasts(self, seconds: int) -> bool:
        return True

    def fetch(self) -> Keys:
        return self.keys


@pytest.mark.parametrize("size", [10, 2_000_000])
async def test_what_arrives_is_signed(size: int) -> None:
    request = CompletionRequest(messages=[Message(role="user", content=[ContentPart(text="x" * size)])])
    request.inference_extra_headers["X-Amzn-Trace"] = "a"
    request.inference_extra_headers["X-Amz-Date"] = "wrong"
    async with aws_server(KEYS.secret_key, json.dumps(ANSWER).encode()) as server:
        target = dataclasses.replace(TARGET, base_url=server.base_url)
        chunks = await complete(target, request)
    assert "".join(choice.delta.content for chunk in chunks for choice in chunk.choices) == "Hello"
    (head,) = server.heads
    assert head.startswith("POST /model/anthropic.claude-v2%3A1/converse HTTP/1.1\r\n")
    assert "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token," in head
    assert "x-request-id: r1\r\n" in head


async def test_a_wrong_secret_is_refused_and_not_told() -> None:
    async with aws_server("another", b"{}") as server:
        with pytest.raises(ApiError) as caught:
            await complete(dataclasses.replace(TARGET, base_url=server.base_url))
    assert caught.value.kind is Kind.UPSTREAM_AUTH
    assert "signature" not in caught.value.message


async def test_the_loop_runs_on_and_one_search_serves_all_who_wait() -> None:
    chain = Chain()
    chain.open.clear()
    auth = AwsAuth(new_chain=lambda: chain)
    calls = [asyncio.ensure_future(signed_by(auth)) for _ in range(20)]
    # Had anything blocked the loop, nobody could open the chain.
    await asyncio.to_thread(chain.begun.wait, 30)
    calls[0].cancel()
    chain.open.set()
    assert await asyncio.gather(*calls[1:]) == ["KEY1"] * 19
    assert await signed_by(auth) == "KEY1"
    assert chain.count == 1
    assert threading.get_ident() not in chain.threads


async def test_keys_are_renewed_ahead_while_the_old_ones_serve() -> None:
    chain = Chain()
    auth = AwsAuth(new_chain=lambda: chain, retry=0)
    assert await signed_by(auth) == "KEY1"
    chain.left = 600
    chain.begun.clear()
    chain.open.clear()
    assert await signed_by(auth) == "KEY1"
    await asyncio.to_thread(chain.begun.wait, 30)
    assert await signed_by(auth) == "KEY1"
    auth.retry = 3600
    chain.open.set()
    async with asyncio.timeout(30):
        while await signed_by(auth) != "KEY2":  # noqa: ASYNC110
            await asyncio.sleep(0)
    assert chain.count == 2


async def test_keys_that_have_ended_are_waited_for() -> None:
    chain = Chain()
    auth = AwsAuth(new_chain=lambda: chain)
    assert await signed_by(auth) == "KEY1"
    chain.left = 10
    assert await signed_by(auth) == "KEY2"


async def test_a_failed_renewal_harms_nobody_while_the_old_keys_are_good(caplog: pytest.LogCaptureFixture) -> None:
    chain = Chain()
    auth = AwsAuth(new_chain=lambda: chain, retry=0)
    assert await signed_by(auth) == "KEY1"
    chain.left, chain.fails, auth.retry = 600, True, 3600
    with caplog.at_level(logging.WARNING):
        async with asyncio.timeout(30):
            while not caplog.records:
                assert await signed_by(auth) == "KEY1"
                await asyncio.sleep(0)
        tasks = asyncio.all_tasks()
        assert await signed_by(auth) == "KEY1"
        assert asyncio.all_tasks() == tasks, "not tried again at once"
    assert chain.count == 2
    assert "planted" not in str([record.__dict__ for record in caplog.records])
    chain.left = 0
    with pytest.raises(ApiError) as caught:
        await signed_by(auth)
    assert caught.value.kind is Kind.UPSTREAM_AUTH
    assert "planted" not in caught.value.message


async def test_without_a_region_nothing_can_be_signed() -> None:
    with pytest.raises(ApiError, match="region") as caught:
        await signed_by(AwsAuth(new_chain=Chain), dataclasses.replace(TARGET, region=""))
    assert caught.value.kind is Kind.UPSTREAM_AUTH


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine without AWS credentials; where its shared file would be."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_ROLE_ARN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    file = tmp_path / "credentials"
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    return file


FILE = "[default]\naws_access_key_id = FILE\naws_secret_access_key = s\n"


async def test_keys_that_are_nowhere_are_an_error_until_they_are_there(nowhere: Path) -> None:
    auth = AwsAuth()
    with pytest.raises(ApiError) as caught:
        await signed_by(auth)
    assert caught.value.kind is Kind.UPSTREAM_AUTH
    assert isinstance(caught.value.__cause__, NoKeysError)
    nowhere.write_text(FILE)  # noqa: ASYNC240
    assert await signed_by(auth) == "FILE"


async def test_the_environment_is_searched_first(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere.write_text(FILE)  # noqa: ASYNC240
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "ENVIRONMENT")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    assert await signed_by(AwsAuth()) == "ENVIRONMENT"


async def test_a_containers_keys_that_end_soon_are_not_used(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[str] = []

    class Metadata(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            given.append(f"CONTAINER{len(given) + 1}")
            ends = datetime.now(UTC) + timedelta(minutes=5 if len(given) == 1 else 60)
            body = json.dumps({"AccessKeyId": given[-1], "SecretAccessKey": "s", "Token": "t",
                               "Expiration": ends.strftime("%Y-%m-%dT%H:%M:%SZ")}).encode()  # fmt: skip
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    with HTTPServer(("127.0.0.1", 0), Metadata) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"http://127.0.0.1:{server.server_port}/keys")
        try:
            assert await signed_by(AwsAuth()) == "CONTAINER2"
        finally:
            server.shutdown()
            thread.join()


def test_the_library_is_not_loaded_where_nothing_is_signed() -> None:
    code = "import sys, service.upstream, service.backends.bedrock; print('botocore' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "False\n"
