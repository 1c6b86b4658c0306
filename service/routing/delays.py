"""How long something usually takes, so that what takes longer is noticed while it is awaited."""

import math
from bisect import bisect_left, insort
from collections import deque
from dataclasses import dataclass, field


@dataclass(slots=True)
class Delays:
    """The last few of a kind of delay, in seconds; older ones are forgotten, so that it follows a change."""

    most: int = 200
    """Of how many the percentiles are."""
    least: int = 20
    """Below this many, they say nothing."""
    _recent: deque[float] = field(default_factory=deque[float])
    _ordered: list[float] = field(default_factory=list[float])

    def saw(self, seconds: float) -> None:
        """One was measured."""
        if len(self._recent) == self.most:
            del self._ordered[bisect_left(self._ordered, self._recent.popleft())]
        self._recent.append(seconds)
        insort(self._ordered, seconds)

    def percentile(self, percent: float) -> float | None:
        """Seconds that so many percent do not exceed (nearest rank); None while too few are known.

        :param percent: above 0, at most 100.
        """
        if len(self._ordered) < self.least:
            return None
        return self._ordered[math.ceil(percent * len(self._ordered) / 100) - 1]
