"""What a status of xAI's API means.

Source: https://docs.x.ai/docs/key-information/debugging, and by the words what users of the API report.
"""

import re
from collections.abc import Mapping

from service.backends.grpc_status import BY_CODE, HTTP_STATUS, Told
from service.backends.status import failure, kind_of
from service.errors import ApiError, Kind

BY_WORDS: tuple[tuple[str, frozenset[int], Kind], ...] = (
    ("Incorrect API key", frozenset((3, 7, 16)), Kind.UPSTREAM_AUTH),
    # The older words and the newer code (https://github.com/UKGovernmentBEIS/inspect_ai/pull/5208).
    ("maximum prompt length", frozenset((3, 9, 11)), Kind.CONTEXT_LENGTH),
    ("[input_too_large]", frozenset((3, 9, 11)), Kind.CONTEXT_LENGTH),
    # https://github.com/continuedev/continue/issues/10373
    ("used all available credits", frozenset((7, 8, 9)), Kind.NO_QUOTA),
    # https://github.com/UKGovernmentBEIS/inspect_ai/pull/2267
    ("violates usage guidelines", frozenset((3, 7)), Kind.CONTENT_FILTER),
)
"""What the status' text tells apart, within some codes: there is no typed code for it."""

_WHOSE = re.compile(r"Team: [^,]*, API key ID: [^,]*, ")
"""Who we are to xAI, which is no business of the caller's."""


def error_of(vendor: str, status: int, told: Told, metadata: Mapping[str, str]) -> ApiError:
    """The error of a call that ended with a status.

    :param status: HTTP's equivalent of the status, or what an HTTP server between had instead of one; 0: not known.
    """
    usual = HTTP_STATUS.get(told.code, 500)
    status = status or usual
    kind = next((kind for words, codes, kind in BY_WORDS if words in told.message and told.code in codes), None)
    if kind is None:
        kind = BY_CODE.get(told.code, Kind.UPSTREAM_ERROR) if status == usual else kind_of(status)
    text = _WHOSE.sub("", told.message)
    error = failure(vendor, status, metadata, message=text, kind=kind, code=told.reason.lower(), param=told.param)
    if told.retry_after is not None:
        error.retry_after = told.retry_after
    return error
