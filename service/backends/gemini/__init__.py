"""Gemini's generateContent, at the Gemini API and at Vertex AI."""

from service.backends.gemini.dialect import GeminiDialect, vertex_path
from service.backends.gemini.fields import VERTEX

__all__ = ["VERTEX", "GeminiDialect", "vertex_path"]
