"""How much of an answer came, so that one that was cut short is accounted though its vendor never said its usage."""

from collections.abc import Iterable
from dataclasses import dataclass

from parley.chat.v1.completion_pb2 import Delta

from service.backends.run import Piece, Run

_BYTES_PER_TOKEN = 4
"""Of English text; tokenizers work on bytes, so that other languages differ less in bytes than in characters."""


@dataclass(slots=True)
class Received:
    """Text, reasoning, refusals and arguments of calls, in all choices of one answer; never reused."""

    chunks: int = 0
    """Chunks, in all."""
    deltas: int = 0
    """Those that held some."""
    size: int = 0
    """Bytes of it, in UTF-8; what came escaped in JSON is counted as it came."""

    def add(self, pieces: Iterable[Piece]) -> None:
        """Takes note of what came."""
        for piece in pieces:
            if isinstance(piece, Run):
                number = len(piece.texts)
                self.chunks += number
                self.deltas += number
                self.size += sum(map(len, piece.texts))
                continue
            self.chunks += 1
            for choice in piece.choices:
                if size := _size(choice.delta):
                    self.deltas += 1
                    self.size += size

    @property
    def tokens(self) -> int:
        """An estimate of the tokens that it is.

        Most vendors send a delta for each token, some put several into one: the number of deltas, or a quarter of the
        bytes where that is more. A whole answer that came at once is one delta, and its bytes tell more.
        """
        return max(self.deltas, self.size // _BYTES_PER_TOKEN)


def _size(delta: Delta) -> int:
    if text := delta.content or delta.reasoning_content or delta.refusal:
        return len(text.encode())
    return sum(len(call.function.arguments.encode()) for call in delta.tool_calls)
