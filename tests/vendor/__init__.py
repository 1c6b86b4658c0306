"""A model vendor that does what a test tells it to, down to the byte and the moment."""

from tests.vendor.answers import (
    DONE,
    cut,
    delayed,
    drip,
    either,
    endless_event,
    endless_stream,
    error_in_200,
    giant_event,
    half_chunk,
    hang,
    hang_after_headers,
    html,
    json_answer,
    openai_error,
    raw,
    stream,
    stream_bytes,
    stream_error,
    unread_request,
    wrong_chunk_length,
)
from tests.vendor.fake import RETRY_AFTER_SECONDS, play_fake_models
from tests.vendor.recordings import recording
from tests.vendor.script import Ending, Responder, Script
from tests.vendor.server import Vendor, VendorRequest, unused_port
from tests.vendor.thread import vendor_thread

__all__ = [
    "DONE",
    "RETRY_AFTER_SECONDS",
    "Ending",
    "Responder",
    "Script",
    "Vendor",
    "VendorRequest",
    "cut",
    "delayed",
    "drip",
    "either",
    "endless_event",
    "endless_stream",
    "error_in_200",
    "giant_event",
    "half_chunk",
    "hang",
    "hang_after_headers",
    "html",
    "json_answer",
    "openai_error",
    "play_fake_models",
    "raw",
    "recording",
    "stream",
    "stream_bytes",
    "stream_error",
    "unread_request",
    "unused_port",
    "vendor_thread",
    "wrong_chunk_length",
]
