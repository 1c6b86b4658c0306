"""What a request holds that xAI's API has no form for."""

from service.errors import ApiError, Kind


def unsupported(path: str, problem: str) -> ApiError:
    """The error for a request that cannot be said there."""
    return ApiError(Kind.UNSUPPORTED, f"{path}: {problem}", param=path)


def invalid(path: str, problem: str) -> ApiError:
    """The error for a value that is none."""
    return ApiError(Kind.INVALID_VALUE, f"{path}: {problem}", param=path)
