"""Runs the catalogue: every fault on every face, all at once, and judges what the callers saw."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tests.faults.fault import PATIENT, Fault
from tests.faults.seen import FACES, Ending, Face, Seen
from tests.faults.stage import Stage
from tests.faults.verdict import disagreements, problems

AT_ONCE = 24
"""Calls at the same time."""
_LET_GO_S = 20.0
"""Far more than a vendor is kept after its caller has gone."""


@dataclass(frozen=True, slots=True)
class Row:
    """One fault as the callers saw it."""

    fault: Fault
    seen: Mapping[Face, Seen]
    problems: tuple[str, ...]

    @property
    def slowest(self) -> Seen:
        """Of the faces that show every byte, the answer that took longest."""
        return max((self.seen[face] for face in FACES), key=lambda seen: seen.seconds)

    @property
    def lost(self) -> str:
        """What the vendor had sent whole and callers of a stream did not get."""
        short = [len(self.fault.stream.text) - len(self.seen[face].text) for face in FACES if face.streams]
        return f"{max(short)} of {len(self.fault.stream.text)} characters" if max(short) > 0 else "nothing"


async def run_table(
    stage: Stage,
    faults: Sequence[Fault],
    *,
    slack: float,
    say: Callable[[str], None] = lambda line: None,
    faces: Sequence[Face] = tuple(Face),
) -> list[Row]:
    """The rows, in order.

    :param slack: seconds that a caller waits beyond the deadline before it is called too long.
    """
    places = asyncio.Semaphore(AT_ONCE)

    async def call(fault: Fault, face: Face) -> Seen:
        async with places:
            case = fault.case(streams=face.streams)
            return await stage.callers.call(face, f"{fault.vendor}/{fault.name}", case.limit + slack)

    async def row(fault: Fault) -> Row:
        seen = dict(zip(faces, await asyncio.gather(*(call(fault, face) for face in faces)), strict=True))
        found = [
            f"{face.value}: {problem}"
            for face, one in seen.items()
            for problem in problems(fault.case(streams=face.streams).promise, one)
        ]
        say(f"{fault.name}: {'; '.join(found) or 'told'}")
        return Row(fault, seen, (*found, *(() if fault.racy else disagreements(seen))))

    light = [fault for fault in faults if not fault.heavy]
    rows = dict(zip(light, await asyncio.gather(*map(row, light)), strict=True))
    for fault in faults:
        if fault.heavy:
            rows[fault] = await row(fault)
    return [rows[fault] for fault in faults]


async def still_serves(stage: Stage) -> list[str]:
    """What is wrong afterwards: the next requests must be answered whole, and no vendor be left to work for nobody."""
    answers = {face: await stage.callers.call(face, "patient/good", PATIENT) for face in FACES}
    found = [f"afterwards {face.value}: {seen}" for face, seen in answers.items() if seen.ending is not Ending.COMPLETE]
    try:
        async with asyncio.timeout(_LET_GO_S):
            await stage.vendor.quiet()
    except TimeoutError:
        found.append(f"the vendor still works on {(await stage.vendor.count()).live} answers that nobody waits for")
    return found
