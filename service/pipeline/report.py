"""What was done with a request that its caller may not expect, told in the headers of the answer."""

import copy
from collections.abc import Mapping
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

DROPPED = "x-parley-dropped"
EMULATED = "x-parley-emulated"
ATTEMPTS = "x-parley-attempts"
LEFT_OUT = "x-parley-messages-left-out"
DISOBEYED = "x-parley-disobeyed"


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
    keep_alives: int = 0
    """Comments that were sent to keep a silent stream alive."""
    disobeyed: str = ""
    """The guided_* field that the answer does not follow; known at its end."""

    heard: dict[str, str] = field(default_factory=dict[str, str])
    """What a vendor that is a service of this kind reports itself, by header: see `hear`."""

    replayed: bool = False
    """Whether this is the answer to an earlier request with the same Idempotency-Key."""

    def replay(self, first: "Report") -> None:
        """Becomes the report of an answer that is given again."""
        for each in fields(self):
            setattr(self, each.name, copy.copy(getattr(first, each.name)))
        self.replayed = True

    def hear(self, metadata: Mapping[str, str], vendor: str) -> None:
        """Takes in the report of a vendor that is a service of this kind, out of its answer's metadata."""
        for name in (DROPPED, EMULATED, LEFT_OUT):
            if value := metadata.get(name):
                self.heard[name] = value
        if attempts := metadata.get(ATTEMPTS):
            # By the names that those places have here.
            self.attempts += [f"{vendor}/{attempt}" for attempt in attempts.split(", ")]
        self.disobeyed = metadata.get(DISOBEYED, self.disobeyed)

    def take_over(self, attempt: "Report") -> None:
        """What one attempt did with the request becomes what was done with it."""
        self.dropped[:] = attempt.dropped
        self.emulated[:] = attempt.emulated
        self.heard = attempt.heard

    def headers(self) -> list[tuple[str, str]]:
        """Headers of the answer; none where everything went as asked."""
        pairs: list[tuple[str, str]] = []
        if dropped := self._with_heard(DROPPED, self.dropped):
            pairs.append((DROPPED, dropped))
        if emulated := self._with_heard(EMULATED, self.emulated):
            pairs.append((EMULATED, emulated))
        if len(self.attempts) > 1:
            pairs.append((ATTEMPTS, ", ".join(self.attempts)))
        if left_out := self.left_out + _number(self.heard.get(LEFT_OUT, "")):
            pairs.append((LEFT_OUT, str(left_out)))
        if self.disobeyed:
            pairs.append((DISOBEYED, self.disobeyed))
        if self.replayed:
            pairs.append(("idempotent-replayed", "true"))
        return pairs

    def _with_heard(self, name: str, own: list[str]) -> str:
        return ", ".join([*own, self.heard[name]] if name in self.heard else own)


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0
