"""What is known of vendors' versions: each is asked where a request depends on it, and then not again for a while."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from service.backends.dialect import HttpCall, Target, VersionQuestion
from service.errors import ApiError, Kind, Upstream
from service.upstream.transport import Response

_MOST_BYTES = 64 * 1024

Send = Callable[[HttpCall, Target], Awaitable[Response]]


@dataclass(slots=True)
class _Place:
    """One place that may be asked."""

    version: str = ""
    until: float = 0.0
    """When to ask again, on the event loop's clock."""
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(frozen=True, slots=True)
class Versions:
    """Belongs to one event loop."""

    fresh: float = 300.0
    """How long an answer holds, in seconds. A server may be replaced by another version's without our being told."""
    _places: defaultdict[tuple[str, str | None], _Place] = field(default_factory=lambda: defaultdict(_Place))

    async def learn(self, question: VersionQuestion, target: Target, send: Send) -> Target:
        """The target, its version known. However many ask at once, one request is sent.

        ApiError: UNAVAILABLE, with what to set, where the target does not say its version; else what `send` raises.
        """
        place = self._places[question.url, target.socket]
        clock = asyncio.get_running_loop().time
        async with place.asking:
            if clock() >= place.until:
                place.version = await _ask(question, target, send)
                place.until = clock() + self.fresh
        return replace(target, version=place.version)


async def _ask(question: VersionQuestion, target: Target, send: Send) -> str:
    call = HttpCall("", {"accept": "application/json"}, b"", method="GET")
    response = await send(call, replace(target, base_url=question.url))
    try:
        body = bytearray()
        while len(body) < _MOST_BYTES and (data := await response.read()):
            body += data
    except BaseException:
        response.close()
        raise
    response.finish()
    version = question.read(bytes(body)) if response.status == 200 else ""
    if not version:
        path = urlsplit(question.url).path
        raise ApiError(
            Kind.UNAVAILABLE,
            f"{question.field}: its form depends on the version of {target.vendor}, and GET {path} does not say which "
            f"that is (HTTP status {response.status}). Set {question.setting} of the vendor or the deployment in "
            "parley.yaml",
            param=question.field,
            upstream=Upstream(target.vendor, response.status),
        )
    return version
