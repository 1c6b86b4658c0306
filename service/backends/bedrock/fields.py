"""What becomes of each field at Amazon Bedrock; where a value goes as it is, the row's name is its path in the body.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html.
"""

from service.backends.fields import BY_THE_SERVICE, Emulated, Families, Family, Fields, Sent, fan_out_of_n, refused

VALUES = (
    *"max_tokens max_completion_tokens temperature top_p top_k stop".split(),
    *"seed frequency_penalty presence_penalty reasoning_effort metadata".split(),
)
"""Fields whose values go as they are, those last that have the last word about one path."""

_NO_SUCH = "Converse has no such parameter"

CONVERSE: Fields = {
    **BY_THE_SERVICE,
    **fan_out_of_n(),
    "max_tokens": Sent("inferenceConfig.maxTokens"),
    "max_completion_tokens": Sent("inferenceConfig.maxTokens"),
    "temperature": Sent("inferenceConfig.temperature"),
    "top_p": Sent("inferenceConfig.topP"),
    "stop": Sent("inferenceConfig.stopSequences"),
    "metadata": Sent("requestMetadata"),
    "response_format": Sent("outputConfig.textFormat"),
    "response_format.json_schema.description": Sent("outputConfig.textFormat.structure.jsonSchema.description"),
    **refused(_NO_SUCH, "content.image_url.detail"),
    "guided_json": Emulated("outputConfig.textFormat"),
    "tools": Sent("toolConfig.tools"),
    "tool_choice": Sent("toolConfig.toolChoice"),
    **refused("Converse leaves it to the model's family, and this one has none that is known", "top_k"),
    **refused("Converse leaves it to the model's family, and this one has none that is known", "reasoning_effort"),
    **refused("Converse leaves it to the model's family, and this one has none that is known", "parallel_tool_calls"),
    **refused(_NO_SUCH, "best_of", "seed", "frequency_penalty", "presence_penalty", "logit_bias", "prediction"),
    **refused("Converse gives no log probabilities", "logprobs", "top_logprobs"),
    **refused("Converse gives text only", "modalities", "audio", "message.audio"),
    **refused("Converse fills no gaps", "suffix"),
    **refused("Converse enforces JSON Schemas only", "guided_regex", "guided_choice", "guided_grammar"),
    **refused("Converse enforces schemas in its own way", "guided_decoding_backend", "guided_whitespace_pattern"),
    **refused("it is a parameter of self-hosted engines", "include_stop_str_in_output"),
    **refused("it is a parameter of self-hosted engines", "chat_template", "chat_template_kwargs"),
    **refused("Bedrock asks for no end user", "user"),
    **refused("Bedrock keeps no answers", "store"),
    **refused("Converse knows no other members; inference_extra_params adds those that it has", "extra_fields"),
    **refused("Converse has no names of participants", "message.name"),
    **refused("Converse has no such content", "content.other"),
    **refused("models take reasoning back with its signature only: in thinking_blocks", "message.reasoning_content"),
    "content.image_url": Emulated("sent as the image's bytes, which the service fetches"),
    "content.image_data": Sent("image"),
    "content.input_audio": Sent("audio"),
    "content.file": Sent("document"),
    "cache_control": Sent("cachePoint"),
}

_CLAUDE = r"(?:.*[./:])?anthropic\.claude-"
"""With the region of an inference profile before it, or within an ARN."""
_CLAUDE_PAGE = "https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages.html"
_EFFORT_PAGE = "https://platform.claude.com/docs/en/build-with-claude/effort"
_SAMPLING_PAGE = (
    "https://docs.aws.amazon.com/bedrock/latest/userguide/model-card-anthropic-claude-opus-4-7.html"
    "#model-card-anthropic-claude-opus-4-7-parameters-change"
)

FAMILIES: Families = (
    Family(
        _CLAUDE,
        {
            "top_k": Sent("additionalModelRequestFields.top_k"),
            "parallel_tool_calls": Sent("additionalModelRequestFields.tool_choice"),
            **refused("this model has no levels of effort", "reasoning_effort"),
        },
        _CLAUDE_PAGE,
    ),
    Family(
        rf"{_CLAUDE}(?:opus-4-[5-9]|sonnet-4-[6-9]|[a-z]+-(?:[5-9]|[1-9]\d)(?!\d))",
        {"reasoning_effort": Sent("outputConfig.effort")},
        _EFFORT_PAGE,
    ),
    Family(
        rf"{_CLAUDE}(?:opus-4-[7-9]|[a-z]+-(?:[5-9]|[1-9]\d)(?!\d))",
        refused("this model takes no sampling parameters", "temperature", "top_p", "top_k"),
        _SAMPLING_PAGE,
    ),
    Family(
        r"(?:.*[./:])?amazon\.nova-",
        {"top_k": Sent("additionalModelRequestFields.inferenceConfig.topK")},
        "https://docs.aws.amazon.com/nova/latest/nova2-userguide/core-inference.html",
    ),
    Family(
        r"(?:.*[./:])?openai\.gpt-oss-",
        {
            name: Sent(f"additionalModelRequestFields.{name}")
            for name in ("reasoning_effort", "seed", "frequency_penalty", "presence_penalty")
        },
        "https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-openai.html",
    ),
)
