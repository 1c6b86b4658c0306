"""What the driver needs of an HTTP client, and no more."""

from collections.abc import Mapping
from typing import Protocol

from service.backends.dialect import HttpCall, Target


class Response(Protocol):
    """A vendor's answer whose head has arrived."""

    @property
    def status(self) -> int:
        """HTTP status."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers, their names in lower case."""
        ...

    async def read(self) -> bytes:
        """All that has arrived since the last read, at least one byte; nothing at the end.

        ApiError (STREAM_CUT) where the connection ended before the answer did.
        """
        ...

    def finish(self) -> None:
        """Gives the connection back for further requests, once the rest of the answer has been read and dropped."""
        ...

    def close(self) -> None:
        """Closes the connection at once, so that the vendor stops working. Does nothing after the answer's end."""
        ...


class Transport(Protocol):
    """Sends requests over connections that it keeps."""

    async def send(self, call: HttpCall, target: Target) -> Response:
        """Sends a request and waits for the answer's head.

        ApiError where the vendor cannot be reached in time (CONNECT_FAILED, CONNECT_TIMEOUT) or hangs up
        (BAD_UPSTREAM). Cancelling it closes the connection.
        """
        ...

    async def close(self) -> None:
        """Closes all connections."""
        ...
