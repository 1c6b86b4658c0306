"""The log line of a request: one for each, when it is over."""

import logging
from dataclasses import dataclass

from service.errors import bounds
from service.log import Log
from service.pipeline.record import Record

LOGGER = "parley.request"


@dataclass(frozen=True, slots=True)
class RequestLog:
    """An observer that writes what a request's record says. No prompt, no answer and no key is in a line."""

    log: Log
    """Used without Python's logging, which takes longer for a line than all that is written there takes to make."""

    def began(self, record: Record) -> None:
        """Nothing is logged yet."""

    def ended(self, record: Record) -> None:
        """Writes the line."""
        if self.log.level <= logging.INFO:
            self.log.tell(logging.INFO, LOGGER, "request", fields(record))


def fields(record: Record) -> dict[str, object]:
    """The line's fields."""
    context, place = record.context, record.place
    report = context.report
    line: dict[str, object] = {
        "request_id": context.request_id,
        "caller": context.caller.name,
        "face": context.face,
        "model": bounds.cut(record.asked),
        "stream": record.stream,
        "outcome": record.outcome,
        "chunks": record.chunks,
        "seconds": round(record.seconds, 4),
        "overhead_seconds": round(record.overhead, 5),
    }
    if record.trace_id:
        line["trace_id"] = record.trace_id
    if record.first_chunk is not None:
        line["first_chunk_seconds"] = round(record.first_chunk, 4)
    if record.queued:
        line["queued_seconds"] = round(record.queued, 4)
    if context.account_id:
        line["account_id"] = bounds.cut(context.account_id)
    if place is not None:
        line["vendor"] = place.target.vendor
        line["deployment"] = place.target.deployment
        if len(report.attempts) > 1:
            line["attempts"] = report.attempts
    if report.replayed:
        line["replayed"] = True
    if report.dropped:
        line["dropped"] = bounds.grouped(report.dropped)
    if record.finish_reason:
        line["finish_reason"] = record.finish_reason
    if usage := record.usage:
        line["prompt_tokens"] = usage.prompt_tokens
        if record.tokens_estimated is None:
            line["completion_tokens"] = usage.completion_tokens
    if record.tokens_estimated is not None:
        line["received_deltas"] = record.received.deltas
        line["received_bytes"] = record.received.size
        line["completion_tokens_estimated"] = record.tokens_estimated
    if error := record.error:
        if error.upstream is None or not error.upstream.status:
            line["error"] = error.message
        else:
            # The vendor's words may repeat the prompt; what it calls the error does not.
            line["upstream_status"] = error.upstream.status
            line["upstream_code"] = error.upstream.code
            line["upstream_request_id"] = error.upstream.request_id
    return line
