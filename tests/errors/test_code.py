"""A code that callers can see and that docs/errors.md does not tell of fails here."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from docs.pages.edge import edge_errors
from docs.pages.errors import rows
from service.backends.status import BY_STATUS
from service.errors import CODES, INSTEAD, UPSTREAM_CODES, Code, Kind

ROOT = Path(__file__).parents[2]
KNOWN = set(get_args(Code))
OF_KINDS = {kind.value.code for kind in Kind}


def calls(name: str) -> Iterator[ast.Call]:
    for path in (ROOT / "service").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name:
                yield node


def code_of(call: ast.Call) -> str | None:
    words = [keyword.value for keyword in call.keywords if keyword.arg == "code"]
    return next((str(word.value) for word in words if isinstance(word, ast.Constant)), None)


def test_each_code_is_explained() -> None:
    assert set(CODES) == KNOWN
    assert all(said.by and said.meaning.endswith(".") and said.advice.endswith(".") for said in CODES.values())


def test_each_code_is_told_by_somebody() -> None:
    assert OF_KINDS | set(INSTEAD) | {error.code for error in edge_errors()} == KNOWN
    assert {row.code for row in rows()} == KNOWN


def test_the_edge_finds_what_envoy_yaml_tells() -> None:
    told = {error.code for error in edge_errors()}
    # What the filter in front says where the service said nothing.
    told |= set(re.findall(r'"code":"(\w+)"', (ROOT / "envoy.yaml").read_text()))
    assert {code for code, said in CODES.items() if "edge" in said.by} == told


def test_a_code_that_says_more_than_its_kind_is_raised_with_that_kind() -> None:
    seen: dict[str, set[str]] = {}
    for call in calls("ApiError"):
        kind = call.args[0]
        if (code := code_of(call)) is not None and isinstance(kind, ast.Attribute):
            seen.setdefault(code, set()).add(kind.attr)
    assert seen == {code: {kind.name} for code, kind in INSTEAD.items()}


def test_what_a_status_of_a_vendor_means_is_told_as_found_by_the_vendor() -> None:
    assert all("vendor" in CODES[kind.value.code].by for kind in BY_STATUS.values())


def test_the_codes_that_no_vendor_said_are_known() -> None:
    said = {code for call in calls("Upstream") if (code := code_of(call))}
    assert said <= set(UPSTREAM_CODES)
