"""Notices that files have changed, however they were: written, renamed over, or reached by another link."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from contextlib import aclosing
from pathlib import Path

from watchfiles import awatch  # pyright: ignore[reportUnknownVariableType]  # names types of anyio's that have none

LOOK_S = 10.0
"""Without any news the files are looked at this often, because not every file system tells."""
_SETTLED_MS = 100
"""Changes that follow each other so closely are one: a file that is being written is not read yet."""


async def watch(files: Callable[[], Sequence[Path]], changed: Callable[[], Awaitable[None]]) -> None:
    """Calls `changed` whenever files may have changed; runs until it is cancelled.

    :param files: those to watch, asked anew after each call.
    """
    while True:
        folders = folders_of(files())
        async with aclosing(_news(folders)) as news:
            async for _ in news:
                await changed()
                if folders_of(files()) != folders:
                    break


def folders_of(files: Iterable[Path]) -> frozenset[Path]:
    """Where changes of files show: their folders, and those of what they are links to.

    A folder, not a file, is watched: Kubernetes swaps a link in it, and editors rename over what was there.
    """
    folders = {folder for file in files for folder in (file.absolute().parent, file.resolve().parent)}
    return frozenset(folder for folder in folders if folder.is_dir())


async def _news(folders: frozenset[Path]) -> AsyncGenerator[None]:
    try:
        async for _ in awatch(
            *folders,
            watch_filter=None,
            recursive=False,
            step=_SETTLED_MS,
            rust_timeout=int(LOOK_S * 1000),
            yield_on_timeout=True,
        ):
            yield
    except OSError:
        # A folder has gone, or the system watches no more of them.
        await asyncio.sleep(LOOK_S)
        yield
