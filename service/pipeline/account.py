"""The record of one request: one log line when it is over, however it ended."""

import asyncio
import logging
import time
from types import TracebackType
from typing import Self

from service.errors import ApiError
from service.pipeline.attempts import Attempts
from service.pipeline.context import RequestContext
from service.pipeline.normalize import Normalizer

_log = logging.getLogger("parley.request")


class Account:
    """Covers one request as a context manager; never reused."""

    def __init__(self, context: RequestContext, model: str, *, stream: bool) -> None:
        self.attempts: Attempts | None = None
        self.answer: Normalizer | None = None
        self._context = context
        self._model = model
        self._stream = stream
        self._chunks = 0
        self._started = time.monotonic()
        self._first: float | None = None

    def __enter__(self) -> Self:
        return self

    def saw_chunks(self, number: int) -> None:
        """Takes note of chunks that go to the caller."""
        if self._first is None:
            self._first = time.monotonic()
        self._chunks += number

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        now = time.monotonic()
        fields: dict[str, object] = {
            "request_id": self._context.request_id,
            "caller": self._context.caller.name,
            "face": self._context.face,
            "model": self._model,
            "stream": self._stream,
            "outcome": _outcome(error),
            "chunks": self._chunks,
            "seconds": round(now - self._started, 4),
        }
        if self._first is not None:
            fields["first_chunk_seconds"] = round(self._first - self._started, 4)
        if self._context.account_id:
            fields["account_id"] = self._context.account_id
        if self.attempts is not None and self.attempts.place is not None:
            target = self.attempts.place.target
            fields["vendor"] = target.vendor
            fields["deployment"] = target.deployment
            if len(self._context.report.attempts) > 1:
                fields["attempts"] = self._context.report.attempts
        if self.answer is not None:
            fields["finish_reason"] = self.answer.finish_reason
            if usage := self.answer.usage:
                fields["prompt_tokens"] = usage.prompt_tokens
                fields["completion_tokens"] = usage.completion_tokens
        if isinstance(error, ApiError):
            fields["error"] = error.message
            if error.upstream is not None:
                fields["upstream_status"] = error.upstream.status
                fields["upstream_request_id"] = error.upstream.request_id
        _log.info("request", extra={"fields": fields})


def _outcome(error: BaseException | None) -> str:
    match error:
        case None:
            return "ok"
        case ApiError():
            return error.code
        case asyncio.CancelledError() | GeneratorExit():
            return "cancelled"
        case _:
            return "internal_error"
