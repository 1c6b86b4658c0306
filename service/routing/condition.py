"""What is known of one deployment while it serves: how busy it is, how fast, and whether it has been failing."""

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass, field

from service.backends.dialect import Target
from service.config.model import Cooldown

_HALF_LIFE_S = 10.0
"""After this long, a measured time to first token counts half, and so does a failure."""

_LEARNT = 0.1
"""How much of what failures took away a success gives back."""


@dataclass(slots=True, eq=False)
class Condition:
    """The state of one deployment in one worker. Belongs to one event loop."""

    target: Target
    clock: Callable[[], float]
    """Seconds, monotonic."""
    cooldown: Cooldown = field(default_factory=Cooldown)
    in_flight: int = 0
    """Requests that it is working on."""
    _failures: int = 0
    _resting_until: float = -math.inf
    _probing: bool = False
    _first_token: float = 0.0
    """Peak-sensitive moving average of the time to the first token, in seconds; 0 before the first."""
    _measured_at: float = 0.0
    _success: float = 1.0
    _judged_at: float = 0.0

    @property
    def healthy(self) -> bool:
        """Whether it has not been failing."""
        return self._failures < self.cooldown.failures

    @property
    def available(self) -> bool:
        """Whether it may be sent a request: it is healthy, or it is time for a probe and none is out."""
        if self._failures < self.cooldown.failures:
            return True
        return self.clock() >= self._resting_until and not self._probing

    def inherited(self, target: Target, cooldown: Cooldown) -> "Condition":
        """What is known of it, for the same deployment under other settings; its requests in flight stay behind."""
        return dataclasses.replace(self, target=target, cooldown=cooldown, in_flight=0, _probing=False)

    def begin(self) -> None:
        """A request is sent to it."""
        self.in_flight += 1
        if self._failures and not self.healthy:
            self._probing = True

    def end(self) -> None:
        """A request to it is over, however it ended."""
        self.in_flight -= 1

    def succeeded(self) -> None:
        """It answered a request, or refused it for a reason that lies with the request."""
        self._failures = 0
        self._probing = False
        if self._success < 1:
            self._judge(self.success() + (1 - self.success()) * _LEARNT)

    def failed(self) -> None:
        """It failed a request that another deployment might have answered."""
        self._failures += 1
        self._probing = False
        self._judge(self.success() / 2)
        if not self.healthy:
            self._resting_until = self.clock() + self.cooldown.rest

    def success(self) -> float:
        """Share of requests that it may be expected to answer, from 0 to 1; what is known of it fades."""
        if self._success == 1:
            return 1.0
        return 1 - (1 - self._success) * 0.5 ** ((self.clock() - self._judged_at) / _HALF_LIFE_S)

    def _judge(self, success: float) -> None:
        self._success, self._judged_at = success, self.clock()

    def abandoned(self) -> None:
        """The caller went away before anything could be learnt of it."""
        self._probing = False

    def overtaken(self, seconds: float) -> None:
        """It was given up after this long because another deployment's first token came before its own."""
        if seconds > self._first_token:
            self.saw_first_token(seconds)

    def saw_first_token(self, seconds: float) -> None:
        """The first token of an answer came after this long."""
        now = self.clock()
        if seconds >= self._first_token:
            # A peak counts at once: a slow deployment must not be flooded until an average has noticed.
            self._first_token = seconds
        else:
            keep = 0.5 ** ((now - self._measured_at) / _HALF_LIFE_S)
            self._first_token = self._first_token * keep + seconds * (1 - keep)
        self._measured_at = now

    def expected_delay(self) -> float:
        """How long a further request may have to wait for its first token; 0 where nothing is known."""
        keep = 0.5 ** ((self.clock() - self._measured_at) / _HALF_LIFE_S)
        return self._first_token * keep * (self.in_flight + 1)
