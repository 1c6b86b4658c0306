"""A status as a person reads it."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from service.control.supervisor import ConfigurationFacts, Status
from service.control.worker import PlaceFacts

_MIB = 1024 * 1024


def lines(status: Status) -> Iterator[str]:
    """The lines of a status, without their ends."""
    where = f"on {status.listen}" if status.listen else "without an edge"
    yield f"Parley {status.version} {where}, since {_time(status.since)} (pid {status.pid}, {status.runtime_dir})"
    yield ""
    yield from _columns(
        ("PROCESS", "STATE", "SINCE", "PID", "RESTARTS", "MEMORY"),
        [
            (
                process.name,
                process.state + (f" ({process.detail})" if process.detail else ""),
                _time(process.since),
                str(process.pid or "-"),
                str(process.restarts),
                "-" if process.rss_bytes is None else f"{process.rss_bytes / _MIB:.0f} MiB",
            )
            for process in status.processes
        ],
    )
    yield ""
    yield from _configuration(status.configuration)
    yield ""
    yield from _columns(
        ("MODEL", "IN FLIGHT", "WAITING", "STATE"),
        [(place.model, str(place.in_flight), str(place.waiting), _state(place)) for place in status.places],
    )


def _configuration(facts: ConfigurationFacts) -> Iterator[str]:
    loaded = facts.loaded
    yield f"configuration: {facts.file or 'none, the embedded model alone'}"
    yield f"  generation {loaded.generation}, loaded {_time(loaded.loaded_at)}, sha256 {loaded.sha256[:12]}"
    for worker in facts.workers:
        if worker.problem is not None:
            generation = "?" if worker.generation is None else worker.generation
            yield f"  {worker.name} has generation {generation}: {worker.problem}"
    if loaded.last_error is not None and loaded.failed_at is not None:
        yield f"  not loaded at {_time(loaded.failed_at)}, failures so far: {loaded.failures}:"
        yield from (f"    {line}" for line in loaded.last_error.splitlines())


def _state(place: PlaceFacts) -> str:
    if not place.resting:
        return "serves"
    return f"rests, in {place.resting} worker{'s' if place.resting > 1 else ''}: it kept failing"


def _columns(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    table = [heads, *rows]
    widths = [max(len(row[column]) for row in table) for column in range(len(heads))]
    for row in table:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _time(unix: float) -> str:
    return datetime.fromtimestamp(unix).astimezone().strftime("%Y-%m-%d %H:%M:%S")
