"""Undoes a compression that was not asked for, piece by piece, so that a small answer cannot fill the memory."""

import zlib

_ZLIB_OR_GZIP = zlib.MAX_WBITS | 32


class Inflate:
    """State of one compressed answer."""

    __slots__ = ("_decoder", "_limit", "_rest", "waiting")

    def __init__(self, limit: int) -> None:
        self._decoder = zlib.decompressobj(_ZLIB_OR_GZIP)
        self._limit = limit
        self._rest = b""
        self.waiting = False
        """Whether the last piece was cut off at the limit, so that more is to be taken before more is fed."""

    @property
    def complete(self) -> bool:
        """Whether the end of the compressed data has been seen."""
        return self._decoder.eof

    def feed(self, data: bytes) -> bytes:
        """The next piece, which may be empty. ValueError where the data is not compressed as it says."""
        try:
            piece = self._decoder.decompress(self._rest + data, self._limit)
        except zlib.error:
            raise ValueError("not compressed as it says") from None
        self._rest = self._decoder.unconsumed_tail
        self.waiting = len(piece) == self._limit
        if self._decoder.unused_data:
            raise ValueError("data after the end of what is compressed")
        return piece
