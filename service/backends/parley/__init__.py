"""Another Parley, over gRPC."""

from service.backends.parley.dialect import ParleyDialect

__all__ = ["ParleyDialect"]
