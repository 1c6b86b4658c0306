"""docs/failover.md: whose fault each kind of failure is, and what is asked next."""

from collections.abc import Iterator

from service.errors.failover import FAULTS, Fault

_INTRODUCTION = """\
# Failover

What happens when a deployment fails before the first token of its answer. After the first token nothing is asked again:
the stream ends with the error.

| whose fault | what is asked next |
|---|---|"""

_RULES = """
- An untried sibling is asked at once, and costs nothing of the retry budget; `retries.attempts` bounds how many.
- The same place is asked again only for what lies with the vendor in passing, after `retries.backoff` or what its
  Retry-After asks for, within `retries.budget`.
- `fallback.any` is taken for whatever is not the request's own fault, once siblings and retries are used up. A model
  that the caller's key is not good for is passed over.
- A deployment that fails `cooldown.failures` times in a row, in whatever way but the request's own, rests for
  `cooldown.rest`; then one request at a time probes it. Where a wildcard stands for many models, a 403 or 404 says
  nothing of the place.
- `weighted`, `least_inflight` and `latency` count failures: a deployment that fails is chosen less often, however fast
  it fails, and what is known of that counts half after 10 s.
- `weight: 0` drains a deployment: no requests and no probes, but those that name it.

| code | HTTP | whose fault | why |
|---|---|---|---|"""


def page() -> str:
    """The page."""
    return "\n".join([*_lines(), ""])


def _lines() -> Iterator[str]:
    yield _INTRODUCTION
    for fault in Fault:
        yield f"| {fault.value} | {_NEXT[fault]} |"
    yield _RULES
    for kind, (fault, reason) in FAULTS.items():
        yield f"| `{kind.value.code}` | {kind.value.http} | {fault.value} | {reason} |"


_NEXT = {
    Fault.REQUEST: "nothing, but for the two lists of `fallback` that are made for it",
    Fault.PLACE: "an untried sibling, then the models of `fallback.any`; never the same place again",
    Fault.VENDOR: "an untried sibling, or the same place once more, then the models of `fallback.any`",
    Fault.TIME: "nothing",
}
