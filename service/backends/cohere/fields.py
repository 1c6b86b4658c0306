"""What becomes of each field at Cohere (https://docs.cohere.com/reference/chat)."""

from service.backends.fields import BY_THE_SERVICE, Emulated, Fields, Sent, fan_out_of_n, refused, sent

_NO_SUCH_FIELD = "Cohere's API has no such field"

COHERE: Fields = {
    **BY_THE_SERVICE,
    **sent("max_tokens", "temperature", "seed", "frequency_penalty", "presence_penalty", "logprobs", "tools"),
    **sent("content.image_url", "content.image_url.detail", "extra_fields"),
    **fan_out_of_n(),
    "max_completion_tokens": Sent("max_tokens"),
    "top_p": Sent("p"),
    "top_k": Sent("k"),
    "stop": Sent("stop_sequences"),
    "response_format": Sent("response_format json_object, with the schema as json_schema"),
    "response_format.json_schema.description": Emulated("the schema's own description"),
    "guided_json": Emulated("response_format json_object with the schema"),
    "tool_choice": Emulated("NONE, REQUIRED or nothing; a named function is the only one offered, and REQUIRED"),
    "best_of": Emulated("n requests with log probabilities; the best by their mean are returned"),
    "reasoning_effort": Emulated(
        "thinking: disabled, or enabled with a budget of 512, 1024, 4096 or any number of tokens"
    ),
    "content.image_data": Emulated("image_url with a data: URL"),
    "content.other": Sent("a document part of a tool's result"),
    "message.reasoning_content": Sent("tool_plan where tools are called, else a thinking part"),
    **refused(_NO_SUCH_FIELD, "logit_bias", "parallel_tool_calls", "user", "metadata", "store", "prediction"),
    **refused(_NO_SUCH_FIELD, "include_stop_str_in_output", "chat_template", "chat_template_kwargs", "suffix"),
    **refused(_NO_SUCH_FIELD, "guided_regex", "guided_choice", "guided_grammar", "guided_decoding_backend"),
    **refused(_NO_SUCH_FIELD, "guided_whitespace_pattern", "message.name"),
    **refused("Cohere gives no alternatives of a token", "top_logprobs"),
    **refused("Cohere's models read text and images, and write text", "modalities", "audio", "message.audio"),
    **refused("Cohere's models read text and images, and write text", "content.input_audio", "content.file"),
    **refused("Cohere caches prompts by itself", "cache_control"),
}
