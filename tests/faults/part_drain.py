"""A stop while 200 streams are live loses none of them."""

import asyncio
import signal
import time

import aiohttp

from tests.faults.callers import request_json
from tests.faults.crowd import gathering, words
from tests.faults.paced import paced_model, paced_text
from tests.faults.section import Run, Section
from tests.faults.seen import Ending
from tests.faults.stage import Stage, staged
from tests.faults.verdict import Must, Promise, problems

_STREAMS = 200
_PIECES, _SIZE = 20, 32
_LIMIT_S = 60.0


async def drain(run: Run) -> Section:
    """SIGTERM, no new callers, and every stream to its end."""
    async with staged(run.folder, workers=2) as stage, gathering(stage, _STREAMS) as crowd:
        crowd.join(f"patient/{paced_model(_PIECES, _SIZE, 'drain')}", _STREAMS)
        async with asyncio.timeout(_LIMIT_S):
            await crowd.all_begun()
            await stage.vendor.live(_STREAMS)
            run.say(f"{_STREAMS} streams are live")
            stage.parley.process.send_signal(signal.SIGTERM)
            refused = await _closed(stage)
        started = time.monotonic()
        await stage.vendor.open_gate("drain")
        async with asyncio.timeout(_LIMIT_S):
            seen = await asyncio.gather(*crowd.calls)
            code = await stage.parley.process.wait()
        ended = time.monotonic() - started
    promise = Promise(Must.COMPLETE, paced_text(_PIECES, _SIZE), _LIMIT_S)
    found = [problem for one in seen for problem in problems(promise, one)]
    if code != 0:
        found.append(f"`parley up` ended with code {code}")
    whole = sum(one.ending is Ending.COMPLETE for one in seen)
    text = (
        f"SIGTERM while {_STREAMS} streams are live, half of them on each face, at 2 workers: {words(seen)} "
        f"({_STREAMS - whole} lost). New callers were refused ({refused}); the streams went on and ended "
        f"{ended:.1f} s after the vendor did its part, and the process with code {code}."
    )
    return Section("SIGTERM with 200 live streams", text, tuple(found))


async def _closed(stage: Stage) -> str:
    """Asks on new connections until they are refused; answers on the way must be whole or errors."""
    while True:
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.post(
                    stage.parley.base_url + "/v1/chat/completions",
                    data=request_json("patient/good", stream=False),
                    headers={"x-api-key": stage.parley.api_key},
                ) as response,
            ):
                await response.read()
        except aiohttp.ClientError as error:
            return type(error).__name__
