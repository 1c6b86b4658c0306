"""A vendor in a thread of its own, for fixtures that outlive one test's event loop."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import TYPE_CHECKING

from tests.vendor.server import Vendor

if TYPE_CHECKING:
    from collections.abc import Generator


@contextlib.contextmanager
def vendor_thread() -> Generator[Vendor]:
    """Run a vendor until the block ends.

    From outside its thread, set `always` before the first request and read `requests` after the last;
    gates and events of its requests belong to its own loop.
    """
    loop = asyncio.new_event_loop()
    ready = threading.Event()
    stop = asyncio.Event()
    started: list[Vendor] = []

    async def run() -> None:
        async with Vendor.start() as vendor:
            started.append(vendor)
            ready.set()
            await stop.wait()

    def serve() -> None:
        try:
            loop.run_until_complete(run())
        finally:
            loop.close()
            ready.set()

    thread = threading.Thread(target=serve, name="vendor")
    thread.start()
    ready.wait()
    if not started:
        thread.join()
        msg = "the vendor's thread ended before it listened"
        raise RuntimeError(msg)
    try:
        yield started[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
