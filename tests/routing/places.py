"""Places before a deployment, held for as long as a block runs."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from service.routing.gate import Gate
from service.waiting import Waiting


@asynccontextmanager
async def holding(gate: Gate, deadline: float) -> AsyncGenerator[None]:
    """Holds a place of a gate."""
    await gate.enter(deadline, Waiting())
    try:
        yield
    finally:
        gate.leave()
