"""What can go wrong, as one table, and the exception that carries a row of it."""

from service.errors.error import ApiError, Upstream
from service.errors.kind import Kind

__all__ = ["ApiError", "Kind", "Upstream"]
