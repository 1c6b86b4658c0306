"""What the faces serve by; which of it holds is asked anew by each request."""

from collections.abc import Callable
from dataclasses import dataclass

from service.auth import Keyring
from service.pipeline import Pipeline
from service.routing import Router


@dataclass(frozen=True, slots=True)
class Serving:
    """All that a configuration decides about a request. A request keeps to the one that held when it came in."""

    router: Router
    pipeline: Pipeline
    keyring: Keyring
    keep_alive: float = 15.0
    """Seconds of silence after which a REST stream gets a comment."""


Current = Callable[[], Serving]
"""What holds now."""
