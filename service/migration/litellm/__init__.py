"""Reads LiteLLM's config.yaml (https://docs.litellm.ai/docs/proxy/configs) and writes parley.yaml."""

from service.migration.litellm.convert import Converted, convert

__all__ = ["Converted", "convert"]
