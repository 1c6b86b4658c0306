import asyncio
import base64
from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio
from parley.chat.v1.completion_pb2 import CompletionRequest
from parley.chat.v1.message_pb2 import ContentPart, ImageUrl, Message

from service.auth import Caller
from service.backends.dialect import HttpCall, Target
from service.config.load import parse
from service.config.model import FetchImages
from service.errors import ApiError, Kind, Upstream
from service.pipeline import Pipeline, images
from service.pipeline.context import RequestContext
from service.pipeline.images import AT_ONCE, RequestImages, bring_images
from service.routing import Router
from service.routing.table import build
from service.upstream import Driver, Images
from service.upstream.transport import Response
from tests.upstream.image_server import PNG, ImageServer, image_server

SETTINGS = FetchImages(allow=("127.0.0.1",), max_bytes=200, timeout=30)


@pytest_asyncio.fixture
async def server() -> AsyncGenerator[ImageServer]:
    async with image_server() as started:
        yield started


def asking(*urls: str, media_type: str = "") -> CompletionRequest:
    parts = [ContentPart(image_url=ImageUrl(url=url, media_type=media_type)) for url in urls]
    return CompletionRequest(messages=[Message(role="user", content=[ContentPart(text="see"), *parts])])


async def bring(request: CompletionRequest, settings: FetchImages = SETTINGS, seconds: float = 60) -> list[str]:
    """The URLs afterwards."""
    await bring_images(request, RequestImages(Images(settings)), asyncio.get_running_loop().time() + seconds)
    return [part.image_url.url for part in request.messages[0].content[1:]]


async def refused(request: CompletionRequest, settings: FetchImages = SETTINGS, seconds: float = 60) -> ApiError:
    with pytest.raises(ApiError) as caught:
        await bring(request, settings, seconds)
    return caught.value


def data_url(media_type: str) -> str:
    return f"data:{media_type};base64,{base64.b64encode(PNG).decode()}"


async def test_urls_become_bytes_and_all_else_stays(server: ImageServer) -> None:
    url = server.url("/a.png")
    others = ["data:image/png;base64,AAAA", "aGk="]
    assert await bring(asking(others[0], url, others[1], url.replace("http", "HTTP"))) == [
        others[0],
        data_url("image/png"),
        others[1],
        data_url("image/png"),
    ]


async def test_the_callers_media_type_goes_before_the_servers(server: ImageServer) -> None:
    assert await bring(asking(server.url("/a.png"), media_type="image/gif")) == [data_url("image/gif")]


async def test_an_image_that_stands_twice_is_fetched_once(server: ImageServer) -> None:
    url = server.url("/a.png")
    assert await bring(asking(url, url)) == [data_url("image/png")] * 2
    assert server.paths == ["/a.png"]


async def test_the_error_names_the_path(server: ImageServer) -> None:
    error = await refused(asking(server.url("/a.png"), server.url("/page")))
    assert (error.kind, error.code, error.param) == (
        Kind.INVALID_VALUE,
        "invalid_image_url",
        "messages[0].content[2].image_url.url",
    )
    assert error.message.startswith("messages[0].content[2].image_url.url: the image is not an image")


async def test_where_fetching_is_off_a_url_is_refused(server: ImageServer) -> None:
    settings = SETTINGS.model_copy(update={"enabled": False})
    error = await refused(asking(server.url("/a.png")), settings)
    assert (error.kind, error.param) == (Kind.UNSUPPORTED, "messages[0].content[1].image_url.url")
    assert server.paths == []
    assert await bring(asking("data:image/png;base64,AAAA"), settings) == ["data:image/png;base64,AAAA"]


async def test_all_together_have_a_limit(server: ImageServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MOST_BYTES", 2 * len(PNG))
    urls = [server.url(f"/a.png?{number}") for number in range(3)]
    assert len(await bring(asking(*urls[:2]))) == 2
    assert "together" in (await refused(asking(*urls))).message


async def test_several_are_fetched_at_once_and_the_first_failure_ends_all(server: ImageServer) -> None:
    slow = [server.url(f"/slow?{number}") for number in range(AT_ONCE - 1)]
    error = await refused(asking(*slow, server.url("/page"), *(f"{url}a" for url in slow)))
    assert error.param == f"messages[0].content[{AT_ONCE}].image_url.url"
    await asyncio.wait_for(server.left.wait(), 30)
    assert server.most_at_once <= AT_ONCE


async def test_the_requests_own_time_counts(server: ImageServer) -> None:
    error = await refused(asking(server.url("/slow")), seconds=0.2)
    assert error.kind is Kind.TOTAL_TIMEOUT
    await asyncio.wait_for(server.left.wait(), 30)


async def test_who_goes_away_ends_all(server: ImageServer) -> None:
    task = asyncio.ensure_future(bring(asking(server.url("/slow"), server.url("/slow?2"))))
    await asyncio.wait_for(server.hung.wait(), 30)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(server.left.wait(), 30)


CONFIG = """
vendors: {bedrock: {base_url: "http://v", region: eu-west-1, auth: none}, openai: {base_url: "http://v", auth: none}}
models: {bedrock/m: {}, openai/m: {}}
"""


class Recorder:
    """A transport that keeps what it is given, and is refused."""

    def __init__(self) -> None:
        self.bodies: list[str] = []

    async def send(self, call: HttpCall, target: Target) -> Response:
        self.bodies.append(call.body.decode())
        raise ApiError(Kind.REFUSED, "no")

    async def close(self) -> None:
        pass


async def test_vendors_that_fetch_themselves_get_the_url_and_others_the_bytes(server: ImageServer) -> None:
    recorder = Recorder()
    pipeline = Pipeline(Router(build(parse(CONFIG))), Driver(recorder), images=Images(SETTINGS))
    for model in ("bedrock/m", "openai/m"):
        request = asking(server.url("/a.png"))
        request.model = model
        with pytest.raises(ApiError):
            await pipeline.complete(request, RequestContext("r", Caller("a"), "rest"))
    bedrock, openai = recorder.bodies
    assert data_url("").rpartition(",")[2] in bedrock
    assert server.url("/a.png") in openai
    assert server.paths == ["/a.png"]


async def test_an_image_is_fetched_once_for_all_attempts(server: ImageServer) -> None:
    class Busy(Recorder):
        async def send(self, call: HttpCall, target: Target) -> Response:
            self.bodies.append(call.body.decode())
            raise ApiError(Kind.UNAVAILABLE, "busy", upstream=Upstream("bedrock", 503))

    busy = Busy()
    again = CONFIG.replace("bedrock/m: {}", "bedrock/m: {retries: {attempts: 2, backoff: 1ms, budget: 1}}")
    pipeline = Pipeline(Router(build(parse(again))), Driver(busy), images=Images(SETTINGS))
    request = asking(server.url("/a.png"))
    request.model = "bedrock/m"
    with pytest.raises(ApiError):
        await pipeline.complete(request, RequestContext("r", Caller("a"), "rest"))
    assert len(busy.bodies) == 3
    assert all(data_url("").rpartition(",")[2] in body for body in busy.bodies)
    assert server.paths == ["/a.png"]


async def test_attempts_at_the_same_time_share_an_image(server: ImageServer) -> None:
    images = RequestImages(Images(SETTINGS))
    url = server.url("/a.png")
    await asyncio.gather(*(images.fetch(url) for _ in range(3)))
    assert server.paths == ["/a.png"]
