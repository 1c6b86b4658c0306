"""OpenAI's chat completions, and every vendor that speaks them."""

from service.backends.openai.dialect import OpenAiDialect

__all__ = ["OpenAiDialect"]
