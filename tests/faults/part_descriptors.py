"""A worker that runs out of descriptors says so to whom it cannot serve, and serves again once there are some."""

import asyncio
import resource

from tests.faults.crowd import gathering, words
from tests.faults.paced import paced_model, paced_text
from tests.faults.processes import WORKER, descriptors, find
from tests.faults.section import Run, Section
from tests.faults.seen import Ending
from tests.faults.stage import staged
from tests.faults.table import still_serves
from tests.faults.verdict import Must, Promise, problems

_CALLS = 120
_SPARE = 30
_LIMIT_S = 30.0


async def descriptor_exhaustion(run: Run) -> Section:
    """More calls at once than the worker has descriptors left."""
    async with staged(run.folder) as stage, gathering(stage, _CALLS) as crowd:
        found = await still_serves(stage)
        (worker,) = find(stage.parley.process.pid, WORKER)
        limits = resource.prlimit(worker, resource.RLIMIT_NOFILE)
        resource.prlimit(worker, resource.RLIMIT_NOFILE, (descriptors(worker) + _SPARE, limits[1]))
        calls = crowd.join(f"patient/{paced_model(5, 8, 'descriptors')}", _CALLS)
        async with asyncio.timeout(_LIMIT_S):
            while sum(call.done() for call in calls) + (await stage.vendor.count()).live < _CALLS:
                pass
            refused = sum(call.done() for call in calls)
            run.say(f"{refused} of {_CALLS} were refused")
            await stage.vendor.open_gate("descriptors")
            seen = await asyncio.gather(*calls)
        promise = Promise(Must.EITHER, paced_text(5, 8), _LIMIT_S)
        found += [problem for one in seen for problem in problems(promise, one)][:5]
        if refused == 0:
            found.append("the limit did not bite, so that nothing was tested")
        if sum(one.ending is Ending.ERROR for one in seen) != refused:
            found.append("streams that had begun were lost")
        found += [f"with few descriptors left: {problem}" for problem in await still_serves(stage)]
        resource.prlimit(worker, resource.RLIMIT_NOFILE, limits)
        found += await still_serves(stage)
    text = (
        f"{_CALLS} calls at once at a worker that has {_SPARE} descriptors left: {words(list(seen))}. "
        "It then serves again, without a restart."
    )
    return Section("No descriptors left", text, tuple(found))
