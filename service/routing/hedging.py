"""When a model's requests are sent to a second deployment, and how many may be."""

from dataclasses import dataclass, field

from service.config.model import Hedge
from service.routing.budget import RetryBudget
from service.routing.delays import Delays


@dataclass(slots=True)
class Hedging:
    """What one worker has learnt of one model. Belongs to one event loop."""

    settings: Hedge
    budget: RetryBudget = field(init=False)
    """Its spare tokens let a bad minute have a few hedges more than its share; the long run does not."""
    _delays: dict[bool, Delays] = field(default_factory=lambda: {True: Delays(), False: Delays()})
    """By whether the answer is streamed: one that is not begins only when it is complete."""

    def __post_init__(self) -> None:
        self.budget = RetryBudget(share=self.settings.share)

    def after(self, *, stream: bool) -> float | None:
        """Seconds after which an answer that has not begun is slow; None while that is not known."""
        return self.settings.after or self._delays[stream].percentile(self.settings.percentile)

    def saw(self, seconds: float, *, stream: bool) -> None:
        """An answer began after so long, its deployment's line included; or would have, had it not been overtaken."""
        self._delays[stream].saw(seconds)
