"""What is sent in another form, or with another default, from one Claude model to the next."""

import re
from dataclasses import dataclass
from enum import Enum, unique

from service.codec import JsonObject


@unique
class Reasoning(Enum):
    """How a model is told to reason."""

    BUDGET = "thinking.budget_tokens"
    EFFORT = "output_config.effort"


@dataclass(frozen=True, slots=True)
class ClaudeModel:
    """Models that are spoken to alike."""

    models: str
    """Regular expression that matches the beginning of their names."""
    max_tokens: int
    """Most tokens that they generate; what is sent where a request sets no limit, because Anthropic wants one."""
    reasoning: Reasoning = Reasoning.EFFORT
    thinking: JsonObject | None = None
    """What makes them think, beside the effort; None: they do by themselves."""
    not_thinking: JsonObject | None = None
    """What keeps them from it; empty: they do not think by themselves. None: nothing does."""
    xhigh: bool = True
    """Whether there is an effort between `high` and `max`."""


_ADAPTIVE: JsonObject = {"type": "adaptive"}
_DISABLED: JsonObject = {"type": "disabled"}

_BUDGET = Reasoning.BUDGET
_ASKED: JsonObject = {}

MODELS: tuple[ClaudeModel, ...] = (
    ClaudeModel(r"claude-([12]\b|instant|3-(opus|sonnet|haiku))", 4_096, _BUDGET, not_thinking=_ASKED),
    ClaudeModel(r"claude-3-5-", 8_192, _BUDGET, not_thinking=_ASKED),
    ClaudeModel(r"claude-sonnet-4-6", 64_000, thinking=_ADAPTIVE, not_thinking=_ASKED, xhigh=False),
    ClaudeModel(r"claude-opus-4-6", 128_000, thinking=_ADAPTIVE, not_thinking=_ASKED, xhigh=False),
    ClaudeModel(r"claude-opus-4-[78]", 128_000, thinking=_ADAPTIVE, not_thinking=_ASKED),
    ClaudeModel(r"claude-opus-4-5", 64_000, _BUDGET, not_thinking=_ASKED),
    ClaudeModel(r"claude-(opus-4|4-opus)", 32_000, _BUDGET, not_thinking=_ASKED),
    ClaudeModel(r"claude-(3-7-|sonnet-4|4-sonnet|haiku-4)", 64_000, _BUDGET, not_thinking=_ASKED),
    ClaudeModel(r"claude-sonnet-5-[5-9]", 128_000, not_thinking={"type": "between_tools"}),
    ClaudeModel(r"claude-(opus-5-[5-9]|fable|mythos)", 128_000),
    ClaudeModel(r"claude", 128_000, not_thinking=_DISABLED),
    # Not Claude, but a server that speaks the same format.
    ClaudeModel(r"", 8_192, _BUDGET, not_thinking=_ASKED),
)
"""The first that matches holds. Limits: https://platform.claude.com/docs/en/about-claude/models/overview;
efforts: https://platform.claude.com/docs/en/build-with-claude/effort;
thinking: https://platform.claude.com/docs/en/build-with-claude/thinking."""


def model_of(name: str) -> ClaudeModel:
    """How a model of this name is spoken to."""
    return next(model for model in MODELS if re.match(model.models, name))
