"""What the scripts of the judges share: cases come as JSON on standard input, verdicts go out on standard output."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

Json = dict[str, Any]
Judge = Callable[[Json], Json]


def judge_all(judges: Mapping[str, Judge]) -> None:
    """Judge every case by its `kind`. What a client raises on one is its verdict, and no end of the others."""
    verdicts: list[Json] = []
    for case in json.load(sys.stdin):
        try:
            verdicts.append(judges[case["kind"]](case))
        except Exception as error:  # noqa: BLE001  # every one of them is a verdict
            verdicts.append({"problem": f"{type(error).__name__}: {error}"})
    json.dump(verdicts, sys.stdout)
