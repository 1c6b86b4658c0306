"""Lets a caller have fewer and larger chunks, which cost less on both sides: `x-parley-merge: text`."""

from collections.abc import Callable

from service.backends.run import Piece
from service.backends.text_merging import text_merged
from service.errors import ApiError, Kind
from service.faces.metadata import CallMetadata

HEADER = "x-parley-merge"
"""Request header, or gRPC metadata: `text`, or `none`, which is the default."""


def merging_of(metadata: CallMetadata) -> Callable[[list[Piece]], list[Piece]] | None:
    """What to do with a batch before it is written, if anything; INVALID_VALUE where the header says something unknown.

    With `text`, chunks that arrived together and differ in nothing but their text become one with all of it. Nothing
    waits for more: a chunk that arrives alone goes out alone.
    """
    word = metadata.values.get(HEADER, "none")
    if word not in _MERGINGS:
        raise ApiError(Kind.INVALID_VALUE, f"{HEADER}: expected text or none, got {word!r}", param=HEADER)
    return _MERGINGS[word]


_MERGINGS = {"none": None, "text": text_merged}
