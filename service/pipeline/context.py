"""What is known of a request besides its message."""

from dataclasses import dataclass, field

from service.auth import Caller
from service.pipeline.report import Policy, Report


@dataclass(slots=True)
class RequestContext:
    """Made by a face when a request comes in; the same for all steps, none of which changes it but for the report."""

    request_id: str
    caller: Caller
    face: str
    """`grpc` or `rest`."""
    deadline: float | None = None
    """When the caller's own deadline is over, on the event loop's clock; None where it has none."""
    account_id: str = ""
    """The caller's `x-selected-account-id`; part of the request's record."""
    idempotency_key: str = ""
    """The caller's own name for the request: sent twice, it is answered once. See service.pipeline.idempotency."""
    traceparent: str = ""
    """The caller's trace context: https://www.w3.org/TR/trace-context/."""
    tracestate: str = ""
    policy: Policy | None = None
    """What to do with fields that the vendor cannot honour; None: features are refused, tuning knobs left out."""
    report: Report = field(default_factory=Report)
    """Filled while the request is prepared, and read when the answer begins."""
