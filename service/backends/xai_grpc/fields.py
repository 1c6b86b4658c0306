"""What becomes of each field at xAI's API over gRPC (https://docs.x.ai/docs/grpc-reference)."""

from service.backends.fields import BY_THE_SERVICE, Emulated, Families, Family, Fields, Sent, refused, sent

_NO_SUCH_FIELD = "xAI's API has no such field"
_TEXT_AND_IMAGES = "xAI's models read text, images and files, and write text"

XAI: Fields = {
    **BY_THE_SERVICE,
    **sent(*"max_tokens temperature top_p n stop frequency_penalty presence_penalty logprobs top_logprobs".split()),
    **sent(*"tools tool_choice parallel_tool_calls reasoning_effort user response_format".split()),
    **refused(_NO_SUCH_FIELD, "response_format.json_schema.description"),
    **sent("content.image_url.detail"),
    **sent("content.image_url", "content.file", "message.name", "message.reasoning_content"),
    "seed": Sent("seed, of 32 bits"),
    "max_completion_tokens": Sent("max_tokens"),
    "store": Sent("store_messages"),
    "guided_json": Emulated("response_format json_schema"),
    "best_of": Emulated("n = best_of with log probabilities; the best by their mean are returned"),
    "content.image_data": Emulated("image_url with a data: URL"),
    "inference_extra_params": Sent("further fields of the request, under xAI's own names"),
    "inference_extra_headers": Sent("metadata of the call"),
    **refused(_NO_SUCH_FIELD, "logit_bias", "top_k", "metadata", "prediction", "suffix", "extra_fields"),
    **refused(_NO_SUCH_FIELD, "include_stop_str_in_output", "chat_template", "chat_template_kwargs"),
    **refused(_NO_SUCH_FIELD, "guided_regex", "guided_choice", "guided_grammar", "guided_decoding_backend"),
    **refused(_NO_SUCH_FIELD, "guided_whitespace_pattern", "content.other"),
    **refused(_TEXT_AND_IMAGES, "modalities", "audio", "message.audio", "content.input_audio"),
    **refused("xAI caches prompts by itself", "cache_control"),
}

FAMILIES: Families = (
    Family(
        r"grok-(?!.*non-reasoning)(?:3-mini|4|code)",
        refused("reasoning models do not take it", "presence_penalty", "frequency_penalty", "stop"),
        "https://docs.x.ai/docs/guides/reasoning",
    ),
)
"""Models that treat some fields in another way."""
