"""What vLLM's own words for the end of an answer mean."""

from collections.abc import Mapping
from types import MappingProxyType

FINISH_REASONS: Mapping[str, str] = MappingProxyType({"repetition": "length", "abort": "", "error": ""})
"""OpenAI's words by vLLM's; empty where the answer was broken off and is no answer.

An answer that repeats itself is cut by the server, before the model ends it: so `length`, never `stop`.

A named tool_choice ends with `stop`, a required one with `tool_calls`: as at OpenAI, so neither is changed.
"""
