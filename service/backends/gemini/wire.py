"""Reads members of Gemini's JSON, so that one of another type than documented is a malformed answer and no crash."""

from service.codec import DecodeError, JsonObject

MOST = 2**32 - 1


def object_of(value: JsonObject, name: str) -> JsonObject:
    """A member that is an object; empty where it is absent."""
    member = value.get(name)
    if member is None:
        return {}
    if isinstance(member, dict):
        return member
    raise DecodeError(name, "expected an object")


def objects_of(value: JsonObject, name: str) -> list[JsonObject]:
    """A member that is a list of objects; empty where it is absent."""
    member = value.get(name)
    if member is None:
        return []
    if not isinstance(member, list):
        raise DecodeError(name, "expected a list")
    found: list[JsonObject] = []
    for index, item in enumerate(member):
        if not isinstance(item, dict):
            raise DecodeError(f"{name}[{index}]", "expected an object")
        found.append(item)
    return found


def text_of(value: JsonObject, name: str) -> str:
    """A member that is text; empty where it is absent."""
    member = value.get(name)
    if member is None:
        return ""
    if isinstance(member, str):
        return member
    raise DecodeError(name, "expected a string")


def count_of(value: JsonObject, name: str) -> int:
    """A member that is a whole number from 0 to 4,294,967,295; 0 where it is absent, as protobuf leaves it out."""
    member = value.get(name)
    if member is None:
        return 0
    if isinstance(member, int) and not isinstance(member, bool) and 0 <= member <= MOST:
        return member
    raise DecodeError(name, "expected a whole number")


def number_of(value: JsonObject, name: str) -> float:
    """A member that is a number; 0 where it is absent."""
    member = value.get(name)
    if member is None:
        return 0.0
    if isinstance(member, int | float) and not isinstance(member, bool):
        return float(member)
    raise DecodeError(name, "expected a number")
