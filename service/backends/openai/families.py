"""OpenAI's models that treat some fields in another way than its others: those that reason before they answer."""

from service.backends.fields import Families, Family, Sent, refused

_REASONING = "https://learn.microsoft.com/en-us/azure/ai-foundry/openai/how-to/reasoning"

FAMILIES: Families = (
    Family(r"(o1|o3|o4|gpt-5)", {"max_tokens": Sent("max_completion_tokens")}, _REASONING),
    # gpt-5-chat does not reason, and whether later models sample depends on the reasoning that is asked for.
    Family(
        r"(o1|o3|o4|gpt-5(?!\.|-chat))",
        refused(
            "models that reason take no sampling parameters",
            *"temperature top_p frequency_penalty presence_penalty logit_bias logprobs top_logprobs".split(),
        ),
        _REASONING,
    ),
    Family(
        r"(o3(?!-mini)|o4-mini)",
        refused("o3 and o4-mini have no stop sequences", "stop"),
        "https://platform.openai.com/docs/api-reference/chat/create#chat-create-stop",
    ),
)
"""Also those of Azure, where a deployment is commonly named after its model."""
