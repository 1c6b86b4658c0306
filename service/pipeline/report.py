"""What was done with a request that its caller may not expect, told in the headers of the answer."""

from collections.abc import Iterable, Mapping
from enum import StrEnum

from service.errors import bounds


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
MODEL = "x-parley-model"


class Report:
    """Grows while a request is prepared; read when the answer begins."""

    __slots__ = (
        "attempts",
        "disobeyed",
        "dropped",
        "emulated",
        "heard",
        "keep_alives",
        "left_out",
        "model",
        "replayed",
    )

    def __init__(self, dropped: Iterable[str] = (), *, left_out: int = 0) -> None:
        self.dropped: list[str] = [*dropped]
        """Fields that were left out, by name."""
        self.emulated: list[str] = []
        """Fields that the service brings about itself in a way that costs or may differ."""
        self.left_out = left_out
        """Messages that memory_strategy left out."""
        self.attempts: list[str] = []
        """Where the request went, in order, and how that ended: `vendor/model/deployment: code`; last, what answers."""
        self.model = ""
        """Who answers: `vendor/model_name[/deployment]`; empty until anyone does."""
        self.keep_alives = 0
        """Comments that were sent to keep a silent stream alive."""
        self.disobeyed = ""
        """The guided_* field that the answer does not follow; known at its end."""
        self.heard: dict[str, str] = {}
        """What a vendor that is a service of this kind reports itself, by header: see `hear`."""
        self.replayed = False
        """Whether this is the answer to an earlier request with the same Idempotency-Key."""

    def replay(self, first: "Report") -> None:
        """Becomes the report of an answer that is given again."""
        self.dropped, self.emulated, self.attempts = [*first.dropped], [*first.emulated], [*first.attempts]
        self.left_out, self.keep_alives = first.left_out, first.keep_alives
        self.model, self.disobeyed, self.heard = first.model, first.disobeyed, {**first.heard}
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
        self.dropped, self.emulated, self.heard = attempt.dropped, attempt.emulated, attempt.heard

    def headers(self) -> list[tuple[str, str]]:
        """Headers of the answer: who gives it, and what did not go as asked."""
        pairs = [(MODEL, self.model)] if self.model else []
        heard, left_out = self.heard, self.left_out
        for name, own in ((DROPPED, self.dropped), (EMULATED, self.emulated)):
            if own or name in heard:
                told = bounds.grouped(own)
                pairs.append((name, bounds.joined([*told, *heard[name].split(", ")] if name in heard else told)))
        if len(self.attempts) > 1:
            pairs.append((ATTEMPTS, bounds.joined(self.attempts, 2 * bounds.HEADER)))
        if LEFT_OUT in heard and (number := heard[LEFT_OUT]).isdecimal() and len(number) < 10:
            left_out += int(number)
        if left_out:
            pairs.append((LEFT_OUT, str(left_out)))
        if self.disobeyed:
            pairs.append((DISOBEYED, bounds.header(self.disobeyed, bounds.NAME)))
        if self.replayed:
            pairs.append(("idempotent-replayed", "true"))
        return pairs
