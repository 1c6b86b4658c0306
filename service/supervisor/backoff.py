"""How long to wait before a process that died is started again."""

import random
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits that double with every failure in a row; spread, lest processes that died together return together."""

    first_s: float = 0.25
    """Seconds before the first restart."""
    limit_s: float = 30.0
    """The longest wait, in seconds."""
    spread: float = 0.2
    """Share by which a wait may be longer or shorter, within [0, 1)."""
    stable_after_s: float = 60.0
    """A process that was ready for so long, in seconds, has no failures behind it."""
    give_up_after: int = 8
    """Failures in a row after which a critical process is not started again; at least 1."""

    def wait_s(self, failures: int, uniform: Callable[[float, float], float] = random.uniform) -> float:
        """Seconds to wait after so many failures in a row, at least 1.

        :param uniform: a random number between two bounds.
        """
        # The exponent is bounded because a process may fail for weeks.
        wait = min(self.first_s * 2.0 ** min(failures - 1, 32), self.limit_s)
        return wait * uniform(1 - self.spread, 1 + self.spread)
