"""A caller's image, and where it is had from. What fetches it is loaded with the first; most workers never see one."""

import asyncio
import importlib
from dataclasses import dataclass, field

from service.config.model import FetchImages


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
    """Images by their URLs. Holds nothing between fetches."""

    settings: FetchImages = field(default_factory=FetchImages)

    async def fetch(self, url: str) -> Image:
        """The image at an http(s) URL. FetchError where there is none, or none that may be fetched."""
        # aiohttp takes 12 MB and a fifth of a second, for which nobody else shall wait.
        await asyncio.to_thread(importlib.import_module, "service.upstream.image_fetcher")
        from service.upstream.image_fetcher import ImageFetcher  # noqa: PLC0415

        return await ImageFetcher(self.settings).fetch(url)
