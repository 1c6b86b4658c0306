"""What can go wrong, as one table, and the exception that carries a row of it."""

from service.errors.code import CODES, UPSTREAM_CODES, Code, Relayed
from service.errors.error import INSTEAD, ApiError, Upstream
from service.errors.kind import Kind

__all__ = ["CODES", "INSTEAD", "UPSTREAM_CODES", "ApiError", "Code", "Kind", "Relayed", "Upstream"]
