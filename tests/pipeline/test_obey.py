import time
from typing import Any

import pytest
from parley.chat.v1.completion_pb2 import CompletionChunk, CompletionRequest

from service.pipeline.guide import Guide


def judged(text: str, *, finish: str = "stop", **fields: Any) -> bool:
    request = CompletionRequest(**fields)
    guide = Guide.of(request)
    assert guide is not None
    for piece, reason in ((text[:2], ""), (text[2:], finish)):
        chunk = CompletionChunk()
        chunk.choices.add(index=0, finish_reason=reason).delta.content = piece
        guide.follow([chunk])
    return guide.obeyed(request)


@pytest.mark.parametrize(
    ("fields", "text", "good"),
    [
        ({"guided_choice": ["yes", "no"]}, "yes", True),
        ({"guided_choice": ["yes", "no"]}, "yes.", False),
        ({"guided_regex": r"\d{3}"}, "123", True),
        ({"guided_regex": r"\d{3}"}, "1234", False),
        ({"guided_regex": "("}, "anything: the engine took it", True),
        ({"guided_json": '{"type":"object","required":["a"]}'}, '{"a":1}', True),
        ({"guided_json": '{"type":"object","required":["a"]}'}, '{"b":1}', False),
        ({"guided_json": '{"type":"object"}'}, '{"a":', False),
        ({"guided_json": '{"$ref":"http://example.org/x"}'}, "{}", True),
    ],
)
def test_an_answer_is_judged_by_its_guide(fields: dict[str, Any], text: str, *, good: bool) -> None:
    assert judged(text, **fields) is good


def test_an_answer_that_was_cut_by_its_length_is_not_judged() -> None:
    assert judged("ye", finish="length", guided_choice=["yes"])


def test_a_pattern_that_would_run_for_ever_is_given_up() -> None:
    before = time.process_time()
    assert judged("a" * 60 + "!", guided_regex="(a|aa)+$")
    assert time.process_time() - before < 20


def test_a_request_without_a_guide_has_none() -> None:
    assert Guide.of(CompletionRequest(model="x")) is None
