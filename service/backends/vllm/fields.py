"""What becomes of each field at vLLM. Rows that say otherwise than vLLM's documents were measured with vLLM 0.32."""

from service.backends.fields import Emulated, Fields, refused, sent
from service.backends.openai.fields import OPENAI

_NO_SOUND = "vLLM writes text only"
_NOTHING = "vLLM accepts it and does nothing with it"

VLLM: Fields = {
    **OPENAI,
    **sent("top_k", "include_stop_str_in_output", "chat_template", "chat_template_kwargs", "message.reasoning_content"),
    **dict.fromkeys(
        ("guided_json", "guided_regex", "guided_choice", "guided_grammar"),
        Emulated("structured_outputs; before vLLM 0.11, the guided_* field itself"),
    ),
    **refused(_NOTHING, "guided_whitespace_pattern", "user", "metadata", "store"),
    **refused("the engine is chosen by the server's own settings", "guided_decoding_backend"),
    **refused(_NO_SOUND, "modalities", "audio", "message.audio"),
    **refused("vLLM takes images, sound and video, each as a part of its own kind", "content.file"),
    **refused("vLLM has no predicted outputs", "prediction"),
    **refused("vLLM caches prompts by itself", "cache_control"),
    **refused("vLLM's chat completions have no gaps to fill", "suffix"),
}
"""vLLM (https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html)."""
