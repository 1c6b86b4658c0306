"""How a transport tells what went wrong with a vendor, in words that hold no address of our network."""

from service.errors import ApiError, Kind, Upstream


def failure(kind: Kind, vendor: str, problem: str) -> ApiError:
    """The error for a vendor's problem, told as a sentence without its subject."""
    return ApiError(kind, f"{vendor}: {problem}", upstream=Upstream(vendor))
