"""The table of a vendor's faults, on every face; and the same with retries, where text could come twice."""

from dataclasses import replace

from tests.faults.catalogue import FAULTS
from tests.faults.fault import TEXT, TOTAL, Case, Fault
from tests.faults.section import Run, Section, markdown_table
from tests.faults.seen import FACES
from tests.faults.stage import Stage, staged
from tests.faults.table import Row, run_table, still_serves
from tests.faults.verdict import Must


async def vendor_faults(run: Run) -> Section:
    """One section for the whole table."""
    async with staged(run.folder) as stage:
        rows = await run_table(stage, FAULTS, slack=run.slack, say=run.say)
        after = await still_serves(stage)
    return Section("A vendor that fails", render(rows), (*problems_of(rows), *after))


async def retried_faults(run: Run) -> Section:
    """The same with a retry and a fallback that is good: an answer comes whole and once, or it is an error."""
    faults = [retried(fault) for fault in FAULTS if fault.vendor == "faulty" and not fault.heavy]
    async with staged(run.folder) as stage:
        rows = await run_table(stage, faults, slack=run.slack, say=run.say, faces=FACES)
        begun_again = await _begun_again(stage, faults)
        after = await still_serves(stage)
    text = (
        "Each fault again, at a model with one retry and a fallback that is well. What had not begun is answered by "
        "the fallback, whole and once; what had begun is an error, and the vendor is not asked again.\n\n"
        + render(rows)
    )
    return Section("A vendor that fails, with a retry and a fallback", text, (*problems_of(rows), *begun_again, *after))


def retried(fault: Fault) -> Fault:
    """What is to come of a fault where there is a retry and a fallback."""
    return replace(fault, vendor="again", stream=_retried(fault.stream), unary=_retried(fault.unary))


def problems_of(rows: list[Row]) -> list[str]:
    return [f"{row.fault.name}: {problem}" for row in rows for problem in row.problems]


def render(rows: list[Row]) -> str:
    """The table as it stands in the report."""
    head = ("the vendor …", *(face.value for face in FACES), "took at most", "deadline", "lost", "")
    return markdown_table(
        head,
        [
            (
                row.fault.title,
                *(row.seen[face] for face in FACES),
                f"{row.slowest.seconds:.2f} s",
                f"{max(row.fault.stream.limit, row.fault.unary.limit):g} s",
                row.lost,
                "**failure**" if row.problems else "",
            )
            for row in rows
        ],
    )


def _retried(case: Case) -> Case:
    if case.must is Must.ERROR and not case.text:
        return replace(case, must=Must.EITHER, text=TEXT, limit=TOTAL)
    return replace(case, limit=TOTAL)


async def _begun_again(stage: Stage, faults: list[Fault]) -> list[str]:
    """Streams that broke after their first words, and for which the vendor was asked once more."""
    found: list[str] = []
    for fault in faults:
        if fault.stream.must is Must.ERROR and fault.stream.text and fault.stream.text != TEXT:
            for face in (face for face in FACES if face.streams):
                before = (await stage.vendor.count(fault.name)).requests
                await stage.callers.call(face, f"again/{fault.name}", TOTAL * 4)
                asked = (await stage.vendor.count(fault.name)).requests - before
                if asked != 1:
                    found.append(f"{fault.name}: {face.value}: the vendor was asked {asked} times")
    return found
