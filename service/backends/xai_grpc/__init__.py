"""xAI's own API, over gRPC."""

from service.backends.xai_grpc.dialect import XaiDialect

__all__ = ["XaiDialect"]
