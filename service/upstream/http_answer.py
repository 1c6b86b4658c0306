"""Takes one HTTP/1.1 answer apart, without a socket, and judges how it ended: a cut answer never looks whole."""

from collections.abc import Mapping

from httptools import HttpParserCallbackError, HttpParserError, HttpParserUpgrade, HttpResponseParser

from service.upstream.http_limits import HttpLimits

CLOSED = "closed the connection"
BROKEN = "broke the framing of its answer"
NOT_HTTP = "did not answer in HTTP"
LONG_HEAD = "sent headers without end"
LONG_FRAME = "sent frames without end"
SWITCHED = "changed to another protocol"
_TRANSFER_ENCODING = "used a transfer encoding other than chunked"
_CONTENT_ENCODING = "compressed its answer in a way that was not asked for"

COMPRESSIONS = frozenset(("gzip", "x-gzip", "deflate"))
"""Content encodings that are understood although none is asked for."""
_CONTENT_ENCODINGS = COMPRESSIONS | {"identity", ""}


class Answer:
    """What has come of one answer. Never reused; nothing is fed after its end."""

    __slots__ = (
        "_discarding",
        "_framing",
        "_informational",
        "_limits",
        "_parser",
        "_parts",
        "begun",
        "buffered",
        "complete",
        "has_head",
        "headers",
        "on_body",
        "problem",
        "reusable",
        "status",
    )

    def __init__(self, limits: HttpLimits) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        """Names in lower case; a repeated one's values are joined by commas."""
        self.begun = False
        """Whether any byte came."""
        self.has_head = False
        self.complete = False
        self.reusable = False
        """Whether the connection can serve another request; known once the answer is complete."""
        self.problem = ""
        """What the vendor did wrong; nothing comes after it."""
        self.buffered = 0
        """Bytes that have come, frames and all, since a part of the body began to wait to be taken; 0: none waits."""
        self._parts: list[bytes] = []
        # The parser calls a list's own method in less time than one of ours.
        self.on_body = self._parts.append
        self._framing = 0
        self._informational = False
        self._discarding = False
        self._limits = limits
        self._parser: HttpResponseParser | None = HttpResponseParser(self)

    @property
    def over(self) -> bool:
        """Whether nothing more is to be fed."""
        return self._parser is None

    def feed(self, data: bytes) -> None:
        """Takes what came, split anywhere."""
        parser = self._parser
        assert parser is not None, "nothing is fed after the end"
        self.begun = True
        self._framing += len(data)
        try:
            parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            if self.complete:
                # What follows the answer's end is nobody's; the answer itself is whole.
                self.reusable = False
            elif isinstance(error, HttpParserCallbackError):
                raise
            else:
                self.problem = self.problem or (BROKEN if self.has_head else NOT_HTTP)
        if self._parts:
            self._framing = 0
            if self._discarding:
                self._parts.clear()
            else:
                self.buffered += len(data)
        elif self._framing > self._limits.framing and not self.complete:
            self.problem = self.problem or (LONG_FRAME if self.has_head else LONG_HEAD)
        if self.complete or self.problem:
            # The parser holds this object, and this object held it.
            self._parser = None

    def end(self, *, in_order: bool) -> None:
        """Takes note of the connection's end.

        :param in_order: whether the vendor closed it, rather than that it broke or was given up.
        """
        if self._parser is None:
            return
        self._parser = None
        framed = "content-length" in self.headers or "transfer-encoding" in self.headers
        if self.has_head and in_order and not framed:
            self.complete = True
        else:
            self.problem = CLOSED

    def take(self) -> bytes:
        """The part of the body that has not been taken yet; empty where there is none."""
        parts = self._parts
        self.buffered = 0
        if len(parts) == 1:
            return parts.pop()
        body = b"".join(parts)
        parts.clear()
        return body

    def discard(self) -> None:
        """Drops the body, what has come of it and what will."""
        self._discarding = True
        self._parts.clear()
        self.buffered = 0

    # What the parser calls:

    def on_message_begin(self) -> None:
        if self.complete:
            raise ValueError("a second answer to one request")

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.has_head:
            return  # a trailer
        key, text = name.lower().decode("latin-1"), value.decode("latin-1")
        before = self.headers.get(key)
        self.headers[key] = text if before is None else f"{before}, {text}"

    def on_headers_complete(self) -> None:
        assert self._parser is not None
        headers = self.headers
        self.status = self._parser.get_status_code()
        if self.status < 200:
            self._informational = True
            if self.status == 101:
                self.problem = SWITCHED
            headers.clear()
        elif self._framing > self._limits.framing and _size(headers) > self._limits.framing:
            self.problem = LONG_HEAD
        elif problem := encoding_problem(headers):
            self.problem = problem
        else:
            self.has_head = True
            self._framing = 0

    def on_message_complete(self) -> None:
        assert self._parser is not None
        if self._informational:
            self._informational = False
        elif not self.problem:
            self.complete = True
            self.reusable = self._parser.should_keep_alive()


def encoding_problem(headers: Mapping[str, str]) -> str:
    """What is wrong with how an answer is encoded; empty where nothing is.

    :param headers: their names in lower case.
    """
    if headers.get("transfer-encoding", "chunked").lower() != "chunked":
        return _TRANSFER_ENCODING
    if headers.get("content-encoding", "").lower() not in _CONTENT_ENCODINGS:
        return _CONTENT_ENCODING
    return ""


def _size(headers: dict[str, str]) -> int:
    return sum(len(name) + len(value) for name, value in headers.items())
