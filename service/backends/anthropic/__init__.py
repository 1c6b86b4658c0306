"""Anthropic's Messages API, at Anthropic itself, at Vertex AI, and at every server that speaks it."""

from service.backends.anthropic.dialect import AnthropicDialect

__all__ = ["AnthropicDialect"]
