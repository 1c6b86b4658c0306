"""The ways in which the whole is run: over either transport, and with or without reading streams by analogy.

The environment chooses one for a run of the tests: PARLEY_TEST_TRANSPORT=aiohttp, PARLEY_TEST_DECODE=1.
"""

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass

import yaml

TRANSPORT = "PARLEY_TEST_TRANSPORT"
DECODE = "PARLEY_TEST_DECODE"


@dataclass(frozen=True, slots=True)
class Variant:
    """One way; what it says is what parley.yaml says."""

    transport: str = "built-in"
    decode_every_event: bool = False

    @property
    def settings(self) -> dict[str, object]:
        """The keys of parley.yaml that make it."""
        return dataclasses.asdict(self)

    def text(self, config: Mapping[str, object]) -> str:
        """The text of a configuration that is run in this way, unless it says itself how."""
        own = {} if self == USUAL else self.settings
        return yaml.safe_dump({**own, **config})


USUAL = Variant()
AIOHTTP = Variant(transport="aiohttp")
DECODED = Variant(decode_every_event=True)
NAMES = {USUAL: "usual", AIOHTTP: "aiohttp", DECODED: "decoded"}


def chosen(environ: Mapping[str, str] = os.environ) -> Variant:
    """What the environment chooses. ValueError where there is no such transport."""
    transport = environ.get(TRANSPORT) or USUAL.transport
    if transport not in {USUAL.transport, AIOHTTP.transport}:
        raise ValueError(f"{TRANSPORT}: expected {USUAL.transport} or {AIOHTTP.transport}, not {transport}")
    return Variant(transport, bool(environ.get(DECODE)))


def each() -> list[Variant]:
    """The ways that a test of all of them runs in: just the chosen one, where the environment chooses."""
    return list(NAMES) if chosen() == USUAL else [chosen()]


def name_of(variant: Variant) -> str:
    """What a test's name says of it."""
    return NAMES.get(variant, "chosen")
