import asyncio
from collections.abc import AsyncGenerator
from urllib.parse import quote

import pytest
import pytest_asyncio

from service.config.model import FetchImages
from service.upstream.image_fetcher import MOST_REDIRECTS, FetchError, ImageFetcher
from tests.upstream.image_server import PNG, WEBP, ImageServer, Names, image_server

LOOPBACK = FetchImages(allow=("127.0.0.1/32",), max_bytes=200, timeout=30)


@pytest_asyncio.fixture
async def server() -> AsyncGenerator[ImageServer]:
    async with image_server() as started:
        yield started


def fetcher(names: Names | None = None, **settings: object) -> ImageFetcher:
    chosen = LOOPBACK.model_copy(update=settings)
    return ImageFetcher(chosen, names) if names else ImageFetcher(chosen)


async def refusal(fetcher_: ImageFetcher, url: str) -> str:
    with pytest.raises(FetchError) as caught:
        await fetcher_.fetch(url)
    assert "127.0.0." not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("path", "media_type", "data"),
    [
        ("/a.png", "image/png", PNG),
        ("/wrongly-named.png", "image/webp", WEBP),
        ("/unsaid", "image/png", PNG),
        ("/other-image", "image/avif", b"x" * 64),
    ],
)
async def test_an_image_and_its_kind(server: ImageServer, path: str, media_type: str, data: bytes) -> None:
    image = await fetcher().fetch(server.url(path))
    assert (image.media_type, image.data) == (media_type, data)
    assert server.headers[0]["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("/page", "is not an image"),
        ("/unknown", "is not an image"),
        ("/packed", "compresses"),
        ("/huge", "is larger than 200 bytes"),
        ("/endless", "is larger than 200 bytes"),
        ("/missing", "HTTP status 404"),
        ("/nowhere", "is not a URL"),
        ("/cut", "could not be fetched"),
    ],
)
async def test_what_is_no_image_is_refused(server: ImageServer, path: str, problem: str) -> None:
    assert problem in await refusal(fetcher(), server.url(path))


async def test_nothing_listens() -> None:
    async with image_server() as server:
        url = server.url("/a.png")
    assert "could not be fetched" in await refusal(fetcher(), url)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "127.0.1", "[::ffff:127.0.0.1]",
     "[::ffff:7f00:1]", "0.0.0.0", "0", "127.0.0.1.", "①②⑦.0.0.1"],
)  # fmt: skip
async def test_this_machine_is_out_of_reach_however_it_is_written(server: ImageServer, host: str) -> None:
    await refusal(fetcher(allow=()), server.url("/a.png", host))
    assert server.paths == []


@pytest.mark.parametrize(
    "host", ["169.254.169.254", "[fd00:ec2::254]", "10.0.0.1", "[fe80::1]", "[64:ff9b::a9fe:a9fe]"]
)
async def test_private_networks_and_metadata_are_out_of_reach(host: str) -> None:
    assert "public" in await refusal(fetcher(), f"http://{host}/latest/meta-data/")


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "ftp://a.b/c", "gopher://a.b/", "data:image/png;base64,AAAA", "http://", "http:///a", "//a.b/c",
     "", "http://a.b:99999/", "http://[::1/", "unix:///run/x.sock"],
)  # fmt: skip
async def test_other_schemes_and_nonsense_are_refused(url: str) -> None:
    assert "URL" in await refusal(fetcher(), url)


async def test_passwords_are_not_sent_on(server: ImageServer) -> None:
    assert "password" in await refusal(fetcher(), server.url("/a.png", "user:secret@127.0.0.1"))
    assert server.paths == []


def to(server: ImageServer, url: str, host: str | None = None) -> str:
    return server.url(f"/to?url={quote(url, safe='')}", host)


async def test_redirects_are_followed_a_few_times(server: ImageServer) -> None:
    url = server.url("/a.png")
    for _ in range(MOST_REDIRECTS):
        url = to(server, url)
    assert (await fetcher().fetch(url)).data == PNG
    assert "leads on more than 3 times" in await refusal(fetcher(), to(server, url))
    assert "leads on" in await refusal(fetcher(), server.url("/round"))


async def test_a_redirect_to_where_nobody_may_go_is_refused(server: ImageServer) -> None:
    async with image_server("127.0.0.2") as inner:
        assert "public" in await refusal(fetcher(), to(server, inner.url("/a.png")))
        assert inner.paths == []
        for url in ("http://169.254.169.254/", "http://[::1]/", "file:///etc/passwd", "http://user:x@127.0.0.1/"):
            await refusal(fetcher(), to(server, url))
        assert len(server.paths) == 5


async def test_a_name_is_judged_by_where_it_leads(server: ImageServer) -> None:
    names = Names({"evil.example": [["127.0.0.2"]], "good.example": [["127.0.0.1"]]})
    async with image_server("127.0.0.2") as inner:
        url = f"http://evil.example:{inner.port}/a.png"
        assert "public" in await refusal(fetcher(names), url)
        assert inner.paths == []
        assert (await fetcher(names, allow=("evil.example",)).fetch(url)).data == PNG
    assert (await fetcher(names).fetch(server.url("/a.png", "good.example"))).data == PNG


async def test_a_name_that_leads_elsewhere_the_second_time_is_judged_again(server: ImageServer) -> None:
    async with image_server("127.0.0.2") as inner:
        names = Names({"evil.example": [["127.0.0.1"], ["127.0.0.2"]]})
        url = f"http://evil.example:{server.port}/to?url=" + quote(f"http://evil.example:{inner.port}/a.png", safe="")
        assert "public" in await refusal(fetcher(names), url)
        assert names.asked == ["evil.example"] * 2
        assert inner.paths == []


async def test_a_name_is_looked_up_once_for_judgement_and_use(server: ImageServer) -> None:
    names = Names({"evil.example": [["127.0.0.1"], ["127.0.0.2"]]})
    assert (await fetcher(names).fetch(server.url("/a.png", "evil.example"))).data == PNG
    assert names.asked == ["evil.example"]


async def test_of_several_addresses_only_those_that_may_be_reached_are(server: ImageServer) -> None:
    names = Names({"mixed.example": [["127.0.0.2", "::1", "127.0.0.1"]]})
    assert (await fetcher(names).fetch(server.url("/a.png", "mixed.example"))).data == PNG


async def test_a_slow_server_is_left_in_time(server: ImageServer) -> None:
    assert "within 0.2 s" in await refusal(fetcher(timeout=0.2), server.url("/slow"))
    await asyncio.wait_for(server.left.wait(), 30)


async def test_whoever_goes_away_leaves_no_connection(server: ImageServer) -> None:
    task = asyncio.ensure_future(fetcher().fetch(server.url("/slow")))
    await asyncio.wait_for(server.hung.wait(), 30)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(server.left.wait(), 30)
