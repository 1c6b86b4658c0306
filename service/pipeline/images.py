"""Replaces images' URLs by their bytes, for vendors that do not fetch them."""

import asyncio
import base64
from collections.abc import Iterable
from dataclasses import dataclass, field

from parley.chat.v1.completion_pb2 import CompletionRequest
from parley.chat.v1.message_pb2 import ImageUrl

from service.errors import ApiError, Kind
from service.upstream import Images
from service.upstream.image import FetchError, Image

MOST_BYTES = 64 * 1024 * 1024
"""Of all images of a request together: what a caller could have sent in the request itself."""

AT_ONCE = 4
"""Images of one request that are fetched at the same time."""


@dataclass(slots=True)
class _Wanted:
    """One image."""

    image: Image | None = None
    fetching: asyncio.Lock = field(default_factory=asyncio.Lock)


class RequestImages:
    """The images of one request: each is fetched once, however many attempts want it, also at the same time."""

    __slots__ = ("_wanted", "images")

    def __init__(self, images: Images) -> None:
        self.images = images
        self._wanted: dict[str, _Wanted] = {}

    @property
    def enabled(self) -> bool:
        """Whether images are fetched at all."""
        return self.images.settings.enabled

    async def fetch(self, url: str) -> Image:
        """The image at an http(s) URL. FetchError where there is none, or none that may be fetched."""
        wanted = self._wanted.get(url)
        if wanted is None:
            wanted = self._wanted[url] = _Wanted()
        async with wanted.fetching:
            if wanted.image is None:
                wanted.image = await self.images.fetch(url)
            return wanted.image


async def bring_images(request: CompletionRequest, fetcher: RequestImages, deadline: float) -> None:
    """Fetches all images that stand as http(s) URLs, and puts data: URLs in their place.

    ApiError, with the path, for the first that cannot be fetched: INVALID_VALUE, or UNSUPPORTED where fetching is off.

    :param deadline: when the request's total time is over, on the event loop's clock.
    """
    places: dict[str, list[tuple[str, ImageUrl]]] = {}
    for path, image in _urls(request):
        if not fetcher.enabled:
            problem = "the vendor takes images as bytes, and fetch_images is off in parley.yaml; send a data: URL"
            raise ApiError(Kind.UNSUPPORTED, f"{path}: {problem}", param=path)
        places.setdefault(image.url, []).append((path, image))
    if not places:
        return
    turns = asyncio.Semaphore(AT_ONCE)
    total = 0

    async def bring(url: str, same: list[tuple[str, ImageUrl]]) -> None:
        nonlocal total
        path = same[0][0]
        async with turns:
            try:
                found = await fetcher.fetch(url)
            except FetchError as error:
                raise _invalid(path, f"the image {error}") from None
        total += len(found.data) * len(same)
        if total > MOST_BYTES:
            raise _invalid(path, f"with it, the request's images are larger than {MOST_BYTES} bytes together")
        for _, image in same:
            image.url = _data_url(found, image.media_type)

    failures: tuple[Exception, ...] = ()
    try:
        async with asyncio.timeout_at(deadline), asyncio.TaskGroup() as group:
            for item in places.items():
                group.create_task(bring(*item))
    except* ApiError as errors:
        failures = errors.exceptions
    except* TimeoutError:
        problem = "fetching the request's images took all of its time"
        failures = (ApiError(Kind.TOTAL_TIMEOUT, problem),)
    if failures:
        raise failures[0]


def _urls(request: CompletionRequest) -> Iterable[tuple[str, ImageUrl]]:
    for index, message in enumerate(request.messages):
        for place, part in enumerate(message.content):
            if part.WhichOneof("part") == "image_url" and part.image_url.url[:8].lower().startswith(
                ("http://", "https://")
            ):
                yield f"messages[{index}].content[{place}].image_url.url", part.image_url


def _data_url(image: Image, media_type: str) -> str:
    return f"data:{media_type or image.media_type};base64,{base64.b64encode(image.data).decode()}"


def _invalid(path: str, problem: str) -> ApiError:
    return ApiError(Kind.INVALID_VALUE, f"{path}: {problem}", param=path, code="invalid_image_url")
