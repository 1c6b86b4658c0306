"""Keeps the record of one request to a vendor, of which a caller's request may take several."""

import time
from collections.abc import Mapping

from parley.chat.v1.completion_pb2 import CompletionChunk

from service.errors import ApiError
from service.pipeline.record import AttemptRecord, outcome_of


class Exchange:
    """Covers the request from when this is made until it is told of the end; never reused.

    :param headers: headers for the vendor that carry the trace on.
    """

    __slots__ = ("_started", "headers", "record")

    def __init__(self, record: AttemptRecord, headers: Mapping[str, str]) -> None:
        self.record = record
        self.headers = headers
        self._started = time.monotonic()

    def begin(self, chunk: CompletionChunk) -> None:
        """Takes note of the answer's first chunk, as it came."""
        self.record.first_chunk = time.monotonic() - self._started
        self.record.answered_by = chunk.model
        self.record.answer_id = chunk.id

    def resend(self) -> None:
        """Takes note that the request goes out once more: the vendor was closing the connection that took it."""
        self.record.resent += 1

    def end(self, error: BaseException | None) -> None:
        """Takes note of the end; None: of a complete answer."""
        self.record.seconds = time.monotonic() - self._started
        self.record.outcome = outcome_of(error)
        if isinstance(error, ApiError):
            self.record.error = error
