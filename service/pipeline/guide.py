"""Follows a guided answer as it comes, and says at its end whether it obeyed."""

from dataclasses import dataclass, field

from parley.chat.v1.completion_pb2 import CompletionRequest

from service.backends.run import Piece, expanded, merged
from service.pipeline.obey import guide_of, obeys


@dataclass(slots=True)
class Guide:
    """State of one guided answer; never reused."""

    name: str
    """The guided_* field."""
    _texts: dict[int, list[str]] = field(default_factory=dict[int, list[str]])
    _stopped: set[int] = field(default_factory=set[int])

    @classmethod
    def of(cls, request: CompletionRequest) -> "Guide | None":
        """The guide of a request, where it has one that can be checked: an answer that a stop sequence cut cannot."""
        name = guide_of(request)
        return cls(name) if name and not request.stop else None

    def follow(self, batch: list[Piece]) -> None:
        """Takes in the next chunks."""
        for chunk in expanded(merged(batch)):
            for choice in chunk.choices:
                self._texts.setdefault(choice.index, []).append(choice.delta.content)
                if choice.finish_reason == "stop":
                    self._stopped.add(choice.index)

    def obeyed(self, request: CompletionRequest) -> bool:
        """Whether every answer that ended of itself follows the guide; one that was cut by its length cannot."""
        if not getattr(request, self.name):
            # Left out for a vendor that cannot honour it, which the report says.
            return True
        return all(obeys(request, self.name, "".join(self._texts[index])) for index in self._stopped)
