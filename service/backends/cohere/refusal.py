"""The error for what Cohere has no form for, where only the request itself shows that."""

from service.errors import ApiError, Kind


def unsupported(path: str, problem: str) -> ApiError:
    """UNSUPPORTED at a path of the request."""
    return ApiError(Kind.UNSUPPORTED, f"{path}: {problem}", param=path)
