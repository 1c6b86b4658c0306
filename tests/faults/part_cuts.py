"""Answers that stop after any of their bytes."""

from tests.faults.cutting import Cut, cut_everywhere, told_as
from tests.faults.play import Ending
from tests.faults.section import Run, Section, markdown_table
from tests.faults.stage import staged
from tests.faults.table import still_serves
from tests.faults.wire import Framing

_SHOWN = 10


async def cuts_everywhere(run: Run) -> Section:
    """Every byte, every framing, by FIN and by RST."""
    async with staged(run.folder) as stage:
        cuts = await cut_everywhere(stage, step=1, slack=run.slack, say=run.say)
        after = await still_serves(stage)
    rows = [
        _row(kind, framing, ending, [c for c in cuts if (c.kind, c.framing, c.ending) == (kind, framing, ending)])
        for kind in ("stream", "unary")
        for framing in Framing
        for ending in (Ending.FIN, Ending.RESET)
    ]
    head = ("answer", "framing", "ended by", "cuts", "told as", "took at most", "lost of what was sent whole")
    found = [
        f"{c.kind} {c.framing.value} {c.ending.name} at {c.after}: {c.face.value}: {c.problems}"
        for c in cuts
        if c.problems
    ]
    found += [
        f"{c.kind} {c.framing.value} at {c.after}: {c.face.value}: {c.lost} characters were lost"
        for c in cuts
        if c.lost and c.ending is Ending.FIN
    ]
    text = (
        f"{len(cuts)} answers, each cut after another byte of its body, framing included, on both faces. "
        "An answer may be whole only where the vendor's end mark was sent.\n\n" + markdown_table(head, rows)
    )
    more = [f"… and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
    return Section("An answer cut after every byte", text, (*found[:_SHOWN], *more, *after))


def _row(kind: str, framing: Framing, ending: Ending, cuts: list[Cut]) -> tuple[object, ...]:
    told = ", ".join(f"{count} × {words}" for words, count in told_as(cuts).items())
    slowest = max(cut.seen.seconds for cut in cuts)
    lost = sum(1 for cut in cuts if cut.lost)
    name = {"chunked": "chunked", "length": "content-length", "close": "close"}[framing.value]
    gone = f"something in {lost} answers" if lost else "nothing"
    return kind, name, "FIN" if ending is Ending.FIN else "RST", len(cuts), told, f"{slowest:.2f} s", gone
