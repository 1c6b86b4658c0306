"""Reads members of Anthropic's events, and says which one is not as it should be."""

from service.backends.framed import malformed
from service.codec import JsonObject

_LIMIT = 2**30
"""Of a count: sums of a few of them still fit into 32 bits."""


def text(members: JsonObject, name: str, vendor: str) -> str:
    """A member that has to be a text."""
    value = members.get(name)
    if not isinstance(value, str):
        raise malformed(vendor, f"{name}: expected a text")
    return value


def child(members: JsonObject, name: str, vendor: str) -> JsonObject:
    """A member that has to be an object."""
    value = members.get(name)
    if not isinstance(value, dict):
        raise malformed(vendor, f"{name}: expected an object")
    return value


def count(members: JsonObject, name: str, vendor: str) -> int:
    """A member that has to be a count, or is absent or null, which is 0."""
    value = members.get(name)
    if value is None:
        return 0
    if type(value) is not int or not 0 <= value < _LIMIT:
        raise malformed(vendor, f"{name}: expected a count")
    return value
