"""What becomes of each field at the embedded model's engine, llama.cpp's server."""

from service.backends.fields import BY_THE_SERVICE, Emulated, Fields, fan_out_of_n, refused, sent

_BY_LARK = "a grammar of the engine's llguidance; one that it could not follow is refused before"

LOCAL: Fields = {
    **BY_THE_SERVICE,
    **sent(
        *"max_tokens max_completion_tokens temperature top_p top_k stop frequency_penalty presence_penalty".split(),
        *"logit_bias chat_template_kwargs extra_fields".split(),
    ),
    **fan_out_of_n(),
    "best_of": Emulated("n = best_of with log probabilities; the best by their mean are returned"),
    "seed": Emulated("sent modulo 2^32 - 1, as the engine has 32 bits, of which the last value means random"),
    "logprobs": Emulated("sent; alternatives that were not asked for are taken out"),
    "top_logprobs": Emulated("sent with logprobs; 0 as 1, since the engine takes 0 for none at all"),
    "include_stop_str_in_output": Emulated("the engine reports the sequence that it stopped at, which is put back"),
    "response_format": Emulated(f"JSON by {_BY_LARK}; other kinds sent, and then judged by the engine"),
    "guided_json": Emulated(_BY_LARK),
    "guided_regex": Emulated(_BY_LARK),
    "guided_choice": Emulated(_BY_LARK),
    "guided_grammar": Emulated("sent: GBNF, or Lark where it begins with %llguidance"),
    "guided_whitespace_pattern": Emulated("llguidance's whitespace_pattern: any number of matches between tokens"),
    "chat_template": Emulated("rendered by the service in a process with limits, for the engine's completions API"),
    "tools": Emulated("told in the system message, called in text that a grammar holds to the tools' schemas"),
    "tool_choice": Emulated("none: tools are not told; required or named: the grammar leaves nothing but calls"),
    "parallel_tool_calls": Emulated("false: the grammar ends after one call; else up to 8"),
    **refused("a grammar has no place for it", "response_format.json_schema.description"),
    **refused("the engine has one backend, llguidance", "guided_decoding_backend"),
    **refused("the embedded model reads text only", "content.image_url.detail"),
    **refused("the embedded model gives text only", "modalities", "audio", "message.audio"),
    **refused("the embedded model reads text only", "content.image_url", "content.image_data", "content.input_audio"),
    **refused("the embedded model reads text only", "content.file", "content.other"),
    **refused("the engine has no predicted outputs", "prediction"),
    **refused("nobody but this service sees it", "user", "metadata", "store"),
    **refused("the embedded model does not reason", "reasoning_effort", "message.reasoning_content"),
    **refused("the embedded model's own template has no place for it", "message.name"),
    **refused("the engine caches prompts by itself", "cache_control"),
    **refused("the embedded model was not trained to fill gaps", "suffix"),
}
"""The embedded model (https://github.com/ggml-org/llama.cpp/tree/master/tools/server)."""
