"""What becomes of each field at Anthropic's Messages API, and at which models it is another thing."""

from service.backends.fields import (
    BY_THE_SERVICE,
    Emulated,
    Families,
    Family,
    Fields,
    Sent,
    fan_out_of_n,
    refused,
    sent,
)

_MIGRATION = "https://platform.claude.com/docs/en/api/migration-2026-10-21"
_MODELS = "https://platform.claude.com/docs/en/about-claude/models/overview"

_NO_SAMPLING = "Claude models since Opus 4.7 take no sampling parameters"
_NO_LOGITS = "Anthropic's API tells and changes no probabilities of tokens"
_NO_ENGINE_FIELDS = "it is a parameter of self-hosted engines, and Anthropic's API has none like it"

ANTHROPIC: Fields = {
    **BY_THE_SERVICE,
    **fan_out_of_n(),
    **sent("tools", "tool_choice"),
    **sent("content.image_url", "content.other", "cache_control"),
    **refused(_NO_SAMPLING, "temperature", "top_p", "top_k"),
    **refused(_NO_LOGITS, "logit_bias", "logprobs", "top_logprobs", "best_of"),
    **refused("Anthropic's sampling has no such parameter", "seed", "frequency_penalty", "presence_penalty"),
    **refused(_NO_ENGINE_FIELDS, "chat_template", "chat_template_kwargs", "guided_regex", "guided_choice"),
    **refused(_NO_ENGINE_FIELDS, "guided_grammar", "guided_decoding_backend", "guided_whitespace_pattern"),
    **refused("Claude answers in text only", "modalities", "audio", "message.audio"),
    **refused("Claude hears no sound", "content.input_audio"),
    **refused("Anthropic has no predicted outputs", "prediction"),
    **refused("Anthropic fills no gaps", "suffix"),
    **refused("Anthropic keeps no label but user_id, which is sent as the field user", "metadata"),
    **refused("Anthropic keeps no answers to look up", "store"),
    **refused("Anthropic tells participants apart by their role only", "message.name"),
    **refused("Claude takes reasoning back with its signature only: in thinking_blocks", "message.reasoning_content"),
    "max_tokens": Sent(),
    "max_completion_tokens": Sent("max_tokens"),
    "stop": Sent("stop_sequences"),
    "include_stop_str_in_output": Emulated("the stop sequence, which Anthropic names, is put back"),
    "response_format": Emulated("output_config.format; json_object is an instruction"),
    "response_format.json_schema.description": Emulated("an instruction"),
    **refused("Claude sees every image in one resolution", "content.image_url.detail"),
    "guided_json": Emulated("output_config.format"),
    "parallel_tool_calls": Sent("tool_choice.disable_parallel_tool_use"),
    "reasoning_effort": Emulated("output_config.effort, or a budget of thinking; the nearest that the model has"),
    "user": Sent("metadata.user_id"),
    "content.image_data": Sent("image"),
    "content.file": Sent("document"),
    "extra_fields": Sent("members that Anthropic knows, such as thinking; others are refused"),
}
"""The newest models, and those that are not known yet (https://platform.claude.com/docs/en/api/messages)."""

SAMPLING = ("temperature", "top_p", "top_k")
"""What only older models take, and only with an older version of the API."""

FAMILIES: Families = (
    Family(r"(?!claude)", sent(*SAMPLING), "https://github.com/ggml-org/llama.cpp/tree/master/tools/server"),
    Family(
        # Up to 4.6; a date may follow where later models have their minor version.
        r"claude-([1-3]\b|4-|instant|(opus|sonnet|haiku)-4(-[0-6]\b|-\d{8}|@|$))",
        sent(*SAMPLING),
        "https://platform.claude.com/docs/en/about-claude/models/migration-guide",
    ),
    Family(
        r"claude-([1-3]\b|4-|instant|(opus|sonnet)-4(-[01]\b|-\d{8}|@|$))",
        refused("structured outputs came with Claude 4.5", "response_format", "guided_json"),
        "https://platform.claude.com/docs/en/build-with-claude/structured-outputs",
    ),
    Family(r"claude-([12]\b|3-(?!7)|instant)", refused("the model does not reason", "reasoning_effort"), _MODELS),
)
"""Older models; and models of others, whose servers take the older API's parameters."""
