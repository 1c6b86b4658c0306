"""Sees to it that a request that is refused before it reaches the pipeline is told of like any other."""

from types import TracebackType
from typing import Self

from service.auth import Caller
from service.pipeline import RequestContext
from service.pipeline.account import Accounting

_UNKNOWN = Caller("unknown", ())
"""Who calls with a key that is none."""


class Admission:
    """Covers what a face does before the pipeline, as a context manager; never reused."""

    __slots__ = ("_accounting", "_face", "_request_id", "context")

    def __init__(self, accounting: Accounting, request_id: str, face: str) -> None:
        self._accounting = accounting
        self._request_id = request_id
        self._face = face
        self.context: RequestContext | None = None
        """What is known of the request, as soon as it is."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if isinstance(error, Exception):
            context = self.context or RequestContext(self._request_id, _UNKNOWN, self._face)
            self._accounting.refused(context, error)
