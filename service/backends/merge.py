"""Merges what a caller adds to a vendor's body."""

from service.codec import JsonObject


def merge(into: JsonObject, extra: JsonObject) -> None:
    """Merges objects member by member, at any depth, in place; anything else in `extra` replaces what is there."""
    for name, value in extra.items():
        present = into.get(name)
        if isinstance(present, dict) and isinstance(value, dict):
            merge(present, value)
        else:
            into[name] = value
