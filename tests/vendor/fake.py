"""The models of the `fake` vendor that end-to-end tests call by name."""

from __future__ import annotations

from tests.vendor.answers import either, json_answer, openai_error, stream_bytes, stream_error
from tests.vendor.recordings import recording
from tests.vendor.server import Vendor

RETRY_AFTER_SECONDS = 30
"""Longer than anyone retries within, so that `busy` reaches the caller at once."""


def play_fake_models(vendor: Vendor) -> None:
    """Make the vendor serve `ok`, `busy` (429), `down` (503) and `broken` (a stream that fails midway)."""
    unary = json_answer(recording("openai-unary.json"))
    begun = recording("openai-stream-usage.sse").split(b"\n\n")[:3]
    busy = openai_error(
        429, "Rate limited", kind="rate_limit_error", code="rate_limit_exceeded", retry_after=str(RETRY_AFTER_SECONDS)
    )
    vendor.always(either(unary=unary, streamed=stream_bytes(recording("openai-stream-usage.sse"))), model="ok")
    vendor.always(busy, model="busy")
    vendor.always(json_answer(recording("openai-error-503.json"), 503), model="down")
    vendor.always(
        either(unary=unary, streamed=stream_error(*(event + b"\n\n" for event in begun))),
        model="broken",
    )
