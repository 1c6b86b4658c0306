"""What becomes of each field at vendors that speak OpenAI's chat completions."""

from service.backends.fields import BY_THE_SERVICE, Emulated, Fields, refused, sent

_NO_ENGINE_FIELDS = "it is a parameter of self-hosted engines, and OpenAI's API has none like it"

OPENAI: Fields = {
    **BY_THE_SERVICE,
    **sent(
        *"max_tokens max_completion_tokens temperature top_p n stop frequency_penalty presence_penalty".split(),
        *"logit_bias logprobs top_logprobs seed response_format tools tool_choice parallel_tool_calls".split(),
        *"modalities audio prediction reasoning_effort user metadata store extra_fields".split(),
        *"content.image_url content.input_audio content.file content.other message.name message.audio".split(),
        *"content.image_url.detail response_format.json_schema.description".split(),
    ),
    **refused(_NO_ENGINE_FIELDS, "top_k", "include_stop_str_in_output", "chat_template", "chat_template_kwargs"),
    **refused(_NO_ENGINE_FIELDS, "guided_regex", "guided_choice", "guided_grammar"),
    **refused(_NO_ENGINE_FIELDS, "guided_decoding_backend", "guided_whitespace_pattern"),
    **refused("OpenAI keeps reasoning to itself and takes none back", "message.reasoning_content"),
    **refused("OpenAI caches prompts by itself", "cache_control"),
    "best_of": Emulated("n = best_of with log probabilities; the best by their mean are returned"),
    "guided_json": Emulated("response_format json_schema"),
    "suffix": Emulated("the legacy completions API, which gpt-3.5-turbo-instruct has"),
    "content.image_data": Emulated("image_url with a data: URL"),
}
"""OpenAI itself (https://platform.openai.com/docs/api-reference/chat/create)."""

COMPATIBLE: Fields = {
    **OPENAI,
    **sent("top_k", "message.reasoning_content"),
}
"""A server that takes OpenAI's fields and says so itself where it does not know one."""
