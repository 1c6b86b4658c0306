"""Azure OpenAI: OpenAI's chat completions at addresses of its own, with the verdicts of its content filter."""

from service.backends.azure.filter import prompt_verdict
from service.backends.azure.path import chat_path

__all__ = ["chat_path", "prompt_verdict"]
