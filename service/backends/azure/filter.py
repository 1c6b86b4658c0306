"""Keeps what Azure's content filter says of the prompt, in a place where no client trips over it."""

from dataclasses import dataclass

from service.backends.openai.mend import Mend
from service.codec import JsonObject, JsonValue

_VERDICT = "prompt_filter_results"


def prompt_verdict() -> Mend:
    """Moves the verdict on the prompt to the first event that has a choice.

    Azure sends it ahead, as an event without choices, an id or a model, on which clients that read `choices[0]` break
    (https://learn.microsoft.com/en-us/azure/ai-foundry/openai/concepts/content-streaming).
    """
    return _PromptVerdict()


@dataclass(slots=True)
class _PromptVerdict:
    """State of one answer."""

    held: JsonValue = None

    def __call__(self, event: JsonObject) -> bool:
        if event.get("choices"):
            if self.held is not None:
                event.setdefault(_VERDICT, self.held)
                self.held = None
            return True
        if _VERDICT in event:
            self.held = event.pop(_VERDICT)
        # The usage comes in an event without choices, too.
        return event.get("usage") is not None
