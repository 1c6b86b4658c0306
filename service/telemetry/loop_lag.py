"""Measures how late the event loop comes to what is due: whatever blocks it delays every stream of its worker."""

import asyncio

from prometheus_client import CollectorRegistry, Histogram

from service.telemetry import metric

_INTERVAL = 0.5
"""Seconds between two measurements."""
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class LoopLag:
    """A timer of the running event loop that observes its own lateness, until it is closed."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._histogram = Histogram(metric.LOOP_LAG.name, metric.LOOP_LAG.text, registry=registry, buckets=_BUCKETS)
        self._loop = asyncio.get_running_loop()
        self._due = self._loop.time() + _INTERVAL
        self._timer = self._loop.call_at(self._due, self._fire)

    def close(self) -> None:
        """Ends it."""
        self._timer.cancel()

    def _fire(self) -> None:
        now = self._loop.time()
        self._histogram.observe(max(0.0, now - self._due))
        self._due = now + _INTERVAL
        self._timer = self._loop.call_at(self._due, self._fire)
