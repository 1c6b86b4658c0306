"""How many repeats a model's requests may cause, so that a failing or slow vendor is not flooded by them."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(slots=True)
class RetryBudget:
    """A bucket that each request fills by a share of a token, and each retry (or hedge) empties by one."""

    share: float = 0.2
    """Retries for each request, on the long run."""
    most: float = 10.0
    """Tokens that a quiet time can save up; also what it starts with, so that the first failures can be retried."""
    _tokens: float = 10.0

    def __post_init__(self) -> None:
        self._tokens = self.most

    def request(self) -> None:
        """A request came in."""
        if self._tokens < self.most:
            self._tokens = min(self.most, self._tokens + self.share)

    def spend(self) -> bool:
        """Takes a retry out of the budget; False where there is none left."""
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait before a retry: longer each time, and jittered so that callers do not come back together."""

    first: float = 0.1
    """Seconds before the first retry, at most."""
    most: float = 5.0
    """Seconds before any retry, unless the vendor asked for more."""

    def before(self, retry: int, retry_after: float | None, jitter: Callable[[], float]) -> float:
        """Seconds to wait.

        :param retry: 1 for the first.
        :param retry_after: what the vendor asked for; never waited for less.
        :param jitter: a number from 0 to 1 (full jitter, as AWS's architecture blog measured it to be best).
        """
        return max(retry_after or 0.0, min(self.most, self.first * 2 ** (retry - 1)) * jitter())
