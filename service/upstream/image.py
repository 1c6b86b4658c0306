"""A caller's image, and where it is had from. What fetches it is loaded with the first; most workers never see one."""

import asyncio
import importlib
from dataclasses import dataclass, field

from service.config.model import FetchImages
from service.upstream.resolver import DnsTimes, Resolver

_ASKED_EACH_TIME = DnsTimes(fresh=0, stale=0, failed=0)
_LOOK_UPS = 64
"""Most look-ups at a time."""


class FetchError(Exception):
    """An image cannot be fetched. Says why as a sentence without its subject, and without any address."""


@dataclass(frozen=True, slots=True)
class Image:
    """A fetched image."""

    media_type: str
    """By its first bytes; where those are not known, as the server says."""
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Images:
    """Images by their URLs. Holds no image between fetches."""

    settings: FetchImages = field(default_factory=FetchImages)
    resolver: Resolver = field(default_factory=lambda: Resolver(_ASKED_EACH_TIME, most=_LOOK_UPS))
    """Not the one that vendors' names are looked up by, as callers choose these."""

    async def fetch(self, url: str) -> Image:
        """The image at an http(s) URL. FetchError where there is none, or none that may be fetched."""
        # aiohttp takes 12 MB and a fifth of a second, for which nobody else shall wait.
        await asyncio.to_thread(importlib.import_module, "service.upstream.image_fetcher")
        from service.upstream.aiohttp_resolver import ResolverForAiohttp  # noqa: PLC0415
        from service.upstream.image_fetcher import ImageFetcher  # noqa: PLC0415

        return await ImageFetcher(self.settings, ResolverForAiohttp(self.resolver)).fetch(url)
