"""How an answer is read: batch by batch, as it comes."""

from collections.abc import AsyncIterator, Awaitable
from typing import Protocol

from service.backends.run import Piece


class Batches(Protocol):
    """An answer, to be closed by who reads it (contextlib.aclosing), whether or not its end was reached.

    What implements it on the way of each request is a plain class, not an async generator, although that is one too:
    a generator in a generator costs a registration with the event loop, and several objects for each batch.
    """

    def __aiter__(self) -> AsyncIterator[list[Piece]]: ...

    def __anext__(self) -> Awaitable[list[Piece]]:
        """The next batch; StopAsyncIteration after the last. Raises ApiError."""
        ...

    def aclose(self) -> Awaitable[None]:
        """Ends the answer where it is: the vendor's connection is closed. Does nothing after its end."""
        ...
