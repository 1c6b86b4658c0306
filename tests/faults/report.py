"""Writes docs/faults.md from what a run saw."""

import os
import time
from collections.abc import Sequence

from tests.faults.section import Section, markdown_table

_ABOUT = """# Faults

What breaks, what callers saw on each face, how long it took and what was lost. Written by `make test-faults`, of one
run through a real Envoy with a vendor that misbehaves on purpose; the verdict is computed from what the clients saw
(aiohttp reading the raw events, grpc.aio, and the unchanged `openai` client, which has to agree), never from what the
service says of itself.

A line fails the run where a caller waited past the deadline, got a truncated answer as complete, got text twice or
changed, got silence, an error without a name, or a different story on the other face. *Whole* is an answer that came to
its end, letter by letter as it was sent. `200, then error` is a stream that had begun: its last event is the error.
"""


def render(sections: Sequence[tuple[Section, float]]) -> str:
    """The page.

    :param sections: each with the seconds that it took.
    """
    failures = [f"- {section.title}: {problem}" for section, _ in sections for problem in section.problems]
    verdict = "No line fails." if not failures else f"**{len(failures)} failures:**\n\n" + "\n".join(failures)
    summary = markdown_table(
        ("part", "failures", "took"),
        [(section.title, len(section.problems), f"{seconds:.0f} s") for section, seconds in sections],
    )
    day = time.strftime("%Y-%m-%d", time.gmtime())
    parts = [f"## {section.title}\n\n{section.text}" for section, _ in sections]
    head = f"{_ABOUT}\nRun of {day}, on {os.cpu_count()} cores. {verdict}\n\n{summary}"
    return "\n\n".join((head, *parts)) + "\n"
