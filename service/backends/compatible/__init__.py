"""Vendors that speak OpenAI's chat completions, as rows: what each says otherwise, and what it refuses."""

from service.backends.compatible.dialects import DIALECTS
from service.backends.compatible.vendors import VENDORS

__all__ = ["DIALECTS", "VENDORS"]
