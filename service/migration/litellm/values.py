"""Values of LiteLLM's file: references to the environment, secrets, numbers of seconds."""

import os
import re

_PREFIX = "os.environ/"
NO_KEY = frozenset(("", "none", "null", "empty", "anything", "fake", "fake-key", "not-needed", "dummy", "sk-none"))
"""What files write where a server wants no key, in lower case."""


def variable(value: object) -> str | None:
    """The environment variable that a value stands for; None where it is a value itself."""
    return value.removeprefix(_PREFIX) if isinstance(value, str) and value.startswith(_PREFIX) else None


def resolved(value: object) -> str | None:
    """A text, or what the environment says in its place; None where neither is there."""
    name = variable(value)
    if name is not None:
        return os.environ.get(name) or None
    return value if isinstance(value, str) and value else None


def variable_for(*words: str) -> str:
    """A name for an environment variable that is to hold a secret."""
    return re.sub(r"[^A-Z0-9]+", "_", "_".join(words).upper()).strip("_") + "_API_KEY"


def slug(text: str) -> str:
    """A name for a vendor or a deployment."""
    return re.sub(r"[^A-Za-z0-9_.]+", "-", text).strip("-.") or "model"


def number(value: object) -> float | None:
    """A number from 0 on, also one that stands between quotes; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        amount = float(value)
    except ValueError:
        return None
    return amount if 0 <= amount < float("inf") else None


def duration(seconds: float) -> str:
    """A time span as parley.yaml writes it."""
    return f"{seconds:g}s" if seconds >= 1 else f"{round(seconds * 1000)}ms"


def plain(amount: float) -> int | float:
    """A number without a fraction that says nothing."""
    return int(amount) if amount.is_integer() else amount
