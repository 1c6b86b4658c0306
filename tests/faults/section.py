"""One part of the report: what was done, what was seen, and what of it is a failure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

Say = Callable[[str], None]
"""Takes a line on how it goes."""


@dataclass(frozen=True, slots=True)
class Section:
    """Markdown, and the problems that fail the suite."""

    title: str
    text: str
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """What a part of the suite is given."""

    folder: Path
    """An empty place for its files."""
    say: Say
    soak: float = 600.0
    """Seconds that the soak takes."""
    slack: float = 5.0
    """Seconds that a caller waits beyond a deadline before it is called too long."""


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Rows as a table; bars within cells are escaped."""

    def line(cells: Sequence[object]) -> str:
        return "| " + " | ".join(str(cell).replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"

    return "\n".join((line(head), "|" + "---|" * len(head), *map(line, rows)))
