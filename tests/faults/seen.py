"""What one caller saw of one answer, in words that all faces share."""

from dataclasses import dataclass
from enum import Enum


class Ending(Enum):
    """How an answer ended in the eyes of a client."""

    COMPLETE = "complete"
    """With what says that it is whole: `[DONE]`, a whole JSON object, the status OK."""
    ERROR = "error"
    """With an error that says what happened."""
    CUT = "cut"
    """The connection broke: no client takes that for an end, and none learns why."""
    SILENT = "silent"
    """In order, without saying whether it is whole."""
    WAITING = "waiting"
    """Not within the caller's patience."""
    MALFORMED = "malformed"
    """With something that is not in the protocol."""


class Face(Enum):
    """How the caller called."""

    REST_STREAM = "REST stream"
    REST_UNARY = "REST unary"
    GRPC_STREAM = "gRPC stream"
    GRPC_UNARY = "gRPC unary"
    OFFICIAL_STREAM = "openai stream"
    OFFICIAL_UNARY = "openai unary"

    @property
    def streams(self) -> bool:
        return self.name.endswith("STREAM")


FACES = (Face.REST_STREAM, Face.REST_UNARY, Face.GRPC_STREAM, Face.GRPC_UNARY)
"""Those that show every byte; the official client only has to agree with them."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One answer, read to its end."""

    ending: Ending
    text: str
    """All content that came."""
    seconds: float
    """From the request to the end."""
    status: str = ""
    """HTTP status, or the gRPC code's name."""
    code: str = ""
    """The error's code; over gRPC its reason in lower case. Empty where there is none."""
    finish: str = ""
    detail: str = ""
    """What broke, in the client's words."""

    def __str__(self) -> str:
        match self.ending:
            case Ending.COMPLETE:
                return "whole"
            case Ending.ERROR if self.status == "200":
                return f"{self.status}, then error `{self.code}`"
            case Ending.ERROR:
                return f"{self.status} `{self.code}`" if self.code else self.status
            case _:
                return f"{self.status} **{self.ending.value}** {self.detail}".strip()
