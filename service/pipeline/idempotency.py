"""Answers a request that is sent twice once, so that a caller who lost an answer can ask again without a second bill.

The header: https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/. Two things are done otherwise
than there. A repeat that comes while the first is being answered waits for that answer, instead of being refused with
409. And a failure is not kept: nothing was answered, so the repeat tries anew.
"""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from parley.chat.v1.completion_pb2 import Completion, CompletionRequest

from service.config.model import Idempotency
from service.errors import ApiError, Kind
from service.pipeline.context import RequestContext
from service.pipeline.report import Report

HEADER = "idempotency-key"
"""Request header, or gRPC metadata; heeded for whole answers, and without meaning for streams."""

LONGEST = 255
"""Characters of a key."""

_Name = tuple[str, str]
"""Of the caller, and the key."""

Complete = Callable[[CompletionRequest, RequestContext], Awaitable[Completion]]


@dataclass(slots=True, eq=False)
class _Work:
    """An answer that is being made."""

    fingerprint: bytes
    report: Report
    task: asyncio.Task[Completion]
    waiting: int = 0
    """Callers who wait for it."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """An answer that was given."""

    fingerprint: bytes
    report: Report
    completion: Completion
    size: int
    """In bytes, as protobuf."""
    expires: float


class Repeats:
    """The answers of one worker by their callers' keys. Belongs to one event loop."""

    def __init__(self, settings: Idempotency | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.settings = settings or Idempotency()
        self._clock = clock
        self._works: dict[_Name, _Work] = {}
        self._answers: OrderedDict[_Name, _Answer] = OrderedDict()
        self._bytes = 0

    async def complete(
        self,
        run: Complete,
        request: CompletionRequest,
        context: RequestContext,
        account: AbstractContextManager[object],
    ) -> Completion:
        """The answer that `run` gives, or gave to the same caller's earlier request with the same key.

        KEY_REUSED where that request was another one. `context.report` becomes that of the first. A caller who goes
        away stops the work, unless another waits for the same answer.

        :param account: covers a repeat; what `run` does has an account of its own.
        """
        self._forget()
        name = (context.caller.name, context.idempotency_key)
        # Taken first: the request is changed while it is answered.
        fingerprint = hashlib.sha256(request.SerializeToString(deterministic=True)).digest()
        known = self._answers.get(name) or self._works.get(name)
        if known is None:
            work = _Work(fingerprint, context.report, asyncio.ensure_future(run(request, context)))
            self._works[name] = work
            work.task.add_done_callback(lambda _: self._done(name, work))
            return await self._wait(name, work, None)
        with account:
            if known.fingerprint != fingerprint:
                problem = f"{HEADER}: the key was used for another request; take a new key for each"
                raise ApiError(Kind.KEY_REUSED, problem, param=HEADER)
            if isinstance(known, _Work):
                completion = await self._wait(name, known, context.deadline)
            else:
                completion = known.completion
            context.report.replay(known.report)
            return completion

    async def _wait(self, name: _Name, work: _Work, deadline: float | None) -> Completion:
        work.waiting += 1
        try:
            async with asyncio.timeout_at(deadline):
                return await asyncio.shield(work.task)
        except TimeoutError:
            problem = "the first request with this key was not answered within this one's time limit"
            raise ApiError(Kind.TOTAL_TIMEOUT, problem, param=HEADER) from None
        finally:
            work.waiting -= 1
            if not work.waiting and not work.task.done():
                del self._works[name]
                work.task.cancel()

    def _done(self, name: _Name, work: _Work) -> None:
        if self._works.get(name) is not work:
            return  # All its callers had gone.
        del self._works[name]
        if work.task.cancelled() or work.task.exception() is not None:
            return
        completion = work.task.result()
        size = completion.ByteSize()
        self._answers[name] = _Answer(
            work.fingerprint, work.report, completion, size, self._clock() + self.settings.keep
        )
        self._bytes += size
        self._forget()

    def _forget(self) -> None:
        """Forgets the oldest answers, as long as they are too old or too much."""
        while self._answers:
            name, oldest = next(iter(self._answers.items()))
            if oldest.expires > self._clock() and self._bytes <= self.settings.max_bytes:
                return
            del self._answers[name]
            self._bytes -= oldest.size
