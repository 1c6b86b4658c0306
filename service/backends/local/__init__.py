"""The embedded model's engine: llama.cpp's server, and what the service adds to it."""

from service.backends.local.dialect import LocalDialect

__all__ = ["LocalDialect"]
