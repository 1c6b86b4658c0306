"""An answer that aiohttp receives, read as strictly as one that the service's own transport does."""

import asyncio
import contextlib
from collections.abc import Mapping

import aiohttp
from aiohttp.http import HttpProcessingError

from service.errors import ApiError, Kind
from service.upstream.aiohttp_connection import BodyError
from service.upstream.failure import failure
from service.upstream.http_answer import CLOSED, COMPRESSIONS
from service.upstream.http_inflate import Inflate
from service.upstream.http_limits import HttpLimits


class AiohttpResponse:
    """One answer, whose connection is given back by itself as soon as its end has come."""

    def __init__(
        self,
        response: aiohttp.ClientResponse,
        headers: Mapping[str, str],
        vendor: str,
        limits: HttpLimits,
        finishing: set[asyncio.Task[None]],
    ) -> None:
        self.headers = headers
        """Names in lower case."""
        self._response = response
        self._vendor = vendor
        self._limits = limits
        self._finishing = finishing
        compressed = headers.get("content-encoding", "").lower() in COMPRESSIONS
        self._inflate = Inflate(limits.inflate) if compressed else None

    @property
    def status(self) -> int:
        """HTTP status."""
        return self._response.status

    async def read(self) -> bytes:
        """All that has arrived since the last read, at least one byte; nothing at the end.

        ApiError (STREAM_CUT) where the connection ended before the answer did.
        """
        inflate = self._inflate
        if inflate is None:
            return await self._arrived()
        while True:
            data = b"" if inflate.waiting else await self._arrived()
            if not data and not inflate.waiting:
                if not inflate.complete:
                    raise self._cut("ended its compressed answer too soon")
                return b""
            try:
                piece = inflate.feed(data)
            except ValueError:
                self.close()
                raise self._cut("broke the compression of its answer") from None
            if piece:
                return piece

    def finish(self) -> None:
        """Gives the connection back once the rest of the answer has been read and dropped."""
        if self._response.content.at_eof():
            self._response.release()
            return
        task = asyncio.get_running_loop().create_task(self._read_rest())
        self._finishing.add(task)
        task.add_done_callback(self._finishing.discard)

    def close(self) -> None:
        """Closes the connection at once. Does nothing after the answer's end."""
        self._response.close()

    async def _arrived(self) -> bytes:
        content = self._response.content
        try:
            return await content.readany()
        # RuntimeError is how a body ends whose connection was closed.
        except (aiohttp.ClientError, HttpProcessingError, OSError, RuntimeError) as error:
            # What came before the break is not lost; aiohttp has no public way to read it then.
            if content._buffer:  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
                return content._read_nowait(-1)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
            self.close()
            problem = str(error) if isinstance(error, BodyError) else f"{CLOSED} in the middle of its answer"
            raise self._cut(problem) from None

    async def _read_rest(self) -> None:
        try:
            with contextlib.suppress(aiohttp.ClientError, HttpProcessingError, OSError, RuntimeError, TimeoutError):
                async with asyncio.timeout(self._limits.finish):
                    while await self._response.content.readany():
                        pass
        finally:
            # Closes it where the end has not come; gives it back where it has.
            self._response.release()

    def _cut(self, problem: str) -> ApiError:
        return failure(Kind.STREAM_CUT, self._vendor, problem)
