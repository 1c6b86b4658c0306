"""Cohere's Chat API, version 2."""

from service.backends.cohere.dialect import CohereDialect

__all__ = ["CohereDialect"]
