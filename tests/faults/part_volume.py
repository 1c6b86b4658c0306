"""2,000 streams at once on one worker, a tenth of whose readers are slow: none lost, and memory that stays bounded."""

import asyncio
import time

from tests.faults.crowd import gathering, words
from tests.faults.paced import BEFORE, paced_model, paced_text
from tests.faults.processes import ENVOY, WORKER, descriptors, find, rss
from tests.faults.section import Run, Section, markdown_table
from tests.faults.stage import Stage, staged
from tests.faults.table import still_serves
from tests.faults.verdict import Must, Promise, problems

STREAMS = 2000
SLOW = STREAMS // 10
_PIECES, _SIZE = 30, 64
_SLOW_PIECES, _SLOW_SIZE = 512, 16 * 1024
"""8 MiB for each slow reader: more than may wait for it."""
_HELD_LIMIT_MIB = 4.0
"""What may wait for one slow reader, in worker and Envoy together."""
_TAKEN_LIMIT_MIB = 6.0
"""What the vendor may be able to send to one; most of it waits in the kernel, whose buffers grow to 6 MiB."""
_LIMIT_S = 300.0


async def volume(run: Run) -> Section:
    """Waits until all are live, lets the fast ones finish while the slow ones read nothing, then lets those read."""
    async with staged(run.folder) as stage, gathering(stage, STREAMS) as crowd:
        pids = {"worker": find(stage.parley.process.pid, WORKER)[0], "Envoy": find(stage.parley.process.pid, ENVOY)[0]}
        found = await still_serves(stage)
        before = {name: rss(pid) for name, pid in pids.items()}
        hold = asyncio.Event()
        slow_model = paced_model(_SLOW_PIECES, _SLOW_SIZE, "volume")
        fast = crowd.join(f"patient/{paced_model(_PIECES, _SIZE, 'volume')}", STREAMS - SLOW)
        slow = crowd.join(f"patient/{slow_model}", SLOW, hold)
        async with asyncio.timeout(_LIMIT_S):
            await crowd.all_begun()
            await stage.vendor.live(STREAMS)
            live = {name: rss(pid) for name, pid in pids.items()}
            open_files = {name: descriptors(pid) for name, pid in pids.items()}
            run.say(f"{STREAMS} streams are live: {live}")
            started = time.monotonic()
            await stage.vendor.open_gate("volume")
            seen = list(await asyncio.gather(*fast))
            fast_s = time.monotonic() - started
            held = {name: rss(pid) for name, pid in pids.items()}
            taken = await _stalled(stage, slow_model) / SLOW / 2**20
            full = {name: max(held[name], rss(pid)) for name, pid in pids.items()}
            run.say(f"the fast ones are done: {full}; {taken:.2f} MiB taken for each slow reader")
            hold.set()
            seen_slow = list(await asyncio.gather(*slow))
            slow_s = time.monotonic() - started
        after = {name: rss(pid) for name, pid in pids.items()}
        found += await still_serves(stage)
    whole = Promise(Must.COMPLETE, paced_text(_PIECES, _SIZE), _LIMIT_S)
    whole_slow = Promise(Must.COMPLETE, paced_text(_SLOW_PIECES, _SLOW_SIZE), _LIMIT_S)
    found += [problem for one in seen for problem in problems(whole, one)][:5]
    found += [f"a slow reader {problem}" for one in seen_slow for problem in problems(whole_slow, one)][:5]
    grown = sum(full[name] - live[name] for name in pids) / SLOW
    if grown > _HELD_LIMIT_MIB:
        found.append(f"{grown:.2f} MiB wait for each slow reader")
    if taken > _TAKEN_LIMIT_MIB:
        found.append(f"the vendor was not made to wait: {taken:.2f} MiB were taken from it for each slow reader")
    table = markdown_table(
        (
            "process",
            "idle",
            f"{STREAMS} live",
            "per stream",
            "slow ones held",
            "per slow reader",
            "afterwards",
            "descriptors",
        ),
        [
            (
                name,
                f"{before[name]:.0f} MiB",
                f"{live[name]:.0f} MiB",
                f"{(live[name] - before[name]) * 1024 / STREAMS:.0f} KiB",
                f"{full[name]:.0f} MiB",
                f"{max(0.0, full[name] - live[name]) * 1024 / SLOW:.0f} KiB",
                f"{after[name]:.0f} MiB",
                open_files[name],
            )
            for name in pids
        ],
    )
    text = (
        f"{STREAMS} streams are live at once on one worker, half of them on each face; {SLOW} of their readers take the "
        f"first {BEFORE} pieces at most and then read nothing until the others are done. Fast: {words(seen)}, in {fast_s:.1f} s. "
        f"Slow, {_SLOW_PIECES * _SLOW_SIZE / 2**20:g} MiB each: {words(seen_slow)}, in {slow_s:.1f} s. "
        f"The vendor could send {taken:.2f} MiB to each of them before it had to wait.\n\n" + table
    )
    return Section("2,000 streams on one worker", text, tuple(found))


async def _stalled(stage: Stage, model: str) -> int:
    """Bytes that the vendor has sent of a model's answers, once it can send no more."""
    sent, same = -1, 0
    while same < 100:
        now = (await stage.vendor.count(model)).sent
        same = same + 1 if now == sent else 0
        sent = now
    return sent
