"""The errors for requests that Bedrock has no form for, which all name the path of what is at fault."""

from collections.abc import Container

from service.codec import parse_object
from service.errors import ApiError, Kind


def unsupported(path: str, problem: str) -> ApiError:
    """The error for something that Bedrock does not have."""
    return ApiError(Kind.UNSUPPORTED, f"{path}: {problem}", param=path)


def invalid(path: str, problem: str) -> ApiError:
    """The error for something that is wrong wherever it is sent."""
    return ApiError(Kind.INVALID_VALUE, f"{path}: {problem}", param=path)


def refuse_members(path: str, extra_fields: str, known: Container[str] = ()) -> None:
    """Refuses members that the schema does not know, as Converse has no place for them; null is no loss."""
    if not extra_fields:
        return
    for name, value in parse_object(extra_fields).items():
        if value is not None and name not in known:
            raise unsupported(f"{path}.{name}", "Converse has no such member")
