"""The one exception that a caller is told of; everything else that reaches a face is a bug and becomes INTERNAL."""

from dataclasses import dataclass

from service.errors.kind import Kind


@dataclass(frozen=True, slots=True)
class Upstream:
    """What is known of the vendor's answer that an error came from. Holds no credential."""

    vendor: str
    status: int = 0
    """The vendor's HTTP status; 0 where there was none."""
    code: str = ""
    """The vendor's own typed code."""
    request_id: str = ""
    """The vendor's identifier of the request, to ask its support with."""


class ApiError(Exception):
    """A failure that the caller is told of, by its row in the error table.

    :param message: what is wrong and what would be right; shown to the caller.
    :param param: path of the request's field that is at fault.
    :param code: replaces the row's code where the vendor's is more exact.
    :param retry_after: seconds after which trying again may help.
    """

    def __init__(
        self,
        kind: Kind,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        retry_after: float | None = None,
        upstream: Upstream | None = None,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.param = param
        self.code = code or kind.value.code
        self.retry_after = retry_after
        self.upstream = upstream
        self.attempts: tuple[str, ...] = ()
        """Where the request went before it failed, in order, and how that ended."""
