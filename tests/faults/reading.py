"""Reads a stream of server-sent events as a careful client does: what stands there, and how it ended."""

import json

from tests.faults.seen import Ending

_DONE = "[DONE]"


class Reading:
    """One stream. `feed` raises ValueError, KeyError or TypeError for what is not in the protocol."""

    def __init__(self, text: list[str]) -> None:
        """:param text: where the pieces of content are put."""
        self.text = text
        self.code = ""
        self.message = ""
        self.finish = ""
        self.done = False
        self._rest = b""

    def feed(self, data: bytes) -> None:
        """Takes what came, cut anywhere."""
        *blocks, self._rest = (self._rest + data).split(b"\n\n")
        for block in blocks:
            self._block(block.decode())

    def ending(self) -> Ending:
        """How it ended, the connection having ended in order."""
        if self._rest:
            raise ValueError(f"the stream ends within an event: {self._rest[:80]!r}")
        if self.code:
            return Ending.ERROR
        return Ending.COMPLETE if self.done else Ending.SILENT

    def _block(self, block: str) -> None:
        if block.startswith(":"):
            return
        if not block.startswith("data: ") or "\n" in block:
            raise ValueError(f"no event: {block[:80]!r}")
        if self.done or self.code:
            raise ValueError(f"an event after the end: {block[:80]!r}")
        if block == f"data: {_DONE}":
            self.done = True
            return
        event = json.loads(block.removeprefix("data: "))
        if "error" in event:
            self.code, self.message = event["error"]["code"], event["error"]["message"]
            return
        for choice in event["choices"]:
            self.text.append(choice["delta"].get("content") or "")
            self.finish = choice["finish_reason"] or self.finish
