"""Which version a vLLM server has: a field that its version does not know is accepted there, and ignored."""

import re

from service.backends.dialect import Target, VersionNeededError, VersionQuestion
from service.codec import DecodeError, parse_object

Version = tuple[int, int]

STRUCTURED_OUTPUTS: Version = (0, 11)
"""First version with `structured_outputs`; the last with guided_* is 0.11
(https://docs.vllm.ai/en/latest/features/structured_outputs.html)."""

_NUMBER = re.compile(r"v?(\d+)\.(\d+)")


def version_of(target: Target, field: str) -> Version:
    """The server's version. VersionNeededError where it is not known.

    :param field: the request's field that it is needed for.
    """
    number = _NUMBER.match(target.version)
    if number is None:
        url = target.base_url.removesuffix("/v1") + "/version"
        raise VersionNeededError(VersionQuestion(field, url, read_version, "vllm_version"))
    return int(number[1]), int(number[2])


def read_version(body: bytes) -> str:
    """The version out of the answer to GET /version; empty where it says none that could be compared."""
    try:
        version = parse_object(body).get("version")
    except DecodeError:
        return ""
    return version if isinstance(version, str) and _NUMBER.match(version) else ""
