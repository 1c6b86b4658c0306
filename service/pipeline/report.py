"""What was done with a request that its caller may not expect, told in the headers of the answer."""

import copy
from dataclasses import dataclass, field, fields
from enum import StrEnum


class Policy(StrEnum):
    """What to do with a field that the chosen vendor cannot honour."""

    STRICT = "strict"
    """Refuse the request."""
    WARN = "warn"
    """Serve it without the field, and name the field in `x-parley-dropped`."""
    DROP = "drop"
    """Serve it without the field."""


HEADER = "x-parley-unsupported"
"""Request header, or gRPC metadata, that names a Policy."""


@dataclass(slots=True)
class Report:
    """Grows while a request is prepared; read when the answer begins."""

    dropped: list[str] = field(default_factory=list[str])
    """Fields that were left out, by name."""
    emulated: list[str] = field(default_factory=list[str])
    """Fields that the service brings about itself in a way that costs or may differ."""
    left_out: int = 0
    """Messages that memory_strategy left out."""
    attempts: list[str] = field(default_factory=list[str])
    """Where the request went, in order, and how that ended: `vendor/model/deployment: code`; last, what answers it."""
    disobeyed: str = ""
    """The guided_* field that the answer does not follow; known at its end."""

    replayed: bool = False
    """Whether this is the answer to an earlier request with the same Idempotency-Key."""

    def replay(self, first: "Report") -> None:
        """Becomes the report of an answer that is given again."""
        for each in fields(self):
            setattr(self, each.name, copy.copy(getattr(first, each.name)))
        self.replayed = True

    def headers(self) -> list[tuple[str, str]]:
        """Headers of the answer; none where everything went as asked."""
        pairs: list[tuple[str, str]] = []
        if self.dropped:
            pairs.append(("x-parley-dropped", ", ".join(self.dropped)))
        if self.emulated:
            pairs.append(("x-parley-emulated", ", ".join(self.emulated)))
        if len(self.attempts) > 1:
            pairs.append(("x-parley-attempts", ", ".join(self.attempts)))
        if self.left_out:
            pairs.append(("x-parley-messages-left-out", str(self.left_out)))
        if self.disobeyed:
            pairs.append(("x-parley-disobeyed", self.disobeyed))
        if self.replayed:
            pairs.append(("idempotent-replayed", "true"))
        return pairs
