"""vLLM: OpenAI's chat completions with an engine's own fields, some of whose names depend on the server's version."""

from service.backends.vllm.fields import VLLM
from service.backends.vllm.finish import FINISH_REASONS
from service.backends.vllm.rewrite import REWRITES

__all__ = ["FINISH_REASONS", "REWRITES", "VLLM"]
