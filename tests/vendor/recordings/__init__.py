"""Answers of real servers and of OpenAI's format, kept as they came; where each is from is in README.md beside."""

from __future__ import annotations

from pathlib import Path

HERE = Path(__file__).parent


def recording(name: str) -> bytes:
    """Return a recorded body by its file name, such as `vllm-unary.json`."""
    return (HERE / name).read_bytes()


def names(pattern: str) -> list[str]:
    """Return the names of recordings that match a pattern, such as `*-unary.json`, in order."""
    return sorted(path.name for path in HERE.glob(pattern))
