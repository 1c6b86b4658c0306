import base64
import itertools

import pytest
from google.protobuf import text_format
from parley.chat.v1.completion_pb2 import Completion, CompletionChunk

from service.backends.run import expanded
from service.pipeline.fold import Fold, join_base64, merge_json
from service.pipeline.normalize import Normalizer


def chunk(text: str) -> CompletionChunk:
    return text_format.Parse(text, CompletionChunk())


def fold(*chunks: str) -> Completion:
    result = Fold()
    for each in chunks:
        result.add(chunk(each))
    return result.result()


def test_pieces_become_one_message() -> None:
    whole = fold(
        'id: "a" created: 5 model: "m" choices { index: 0 delta { role: "assistant" content: "" } }',
        'id: "a" choices { index: 0 delta { content: "He" reasoning_content: "hm" } }',
        'id: "a" choices { index: 0 delta { content: "llo" refusal: "no" } finish_reason: "stop" }',
        'id: "a" usage { prompt_tokens: 1 completion_tokens: 2 total_tokens: 3 }',
    )
    expected = """
        id: "a" object: "chat.completion" created: 5 model: "m"
        choices { index: 0 finish_reason: "stop"
          message { role: "assistant" content { text: "Hello" } refusal: "no" reasoning_content: "hm" } }
        usage { prompt_tokens: 1 completion_tokens: 2 total_tokens: 3 }"""
    assert whole == text_format.Parse(expected, Completion())


def test_interleaved_tool_calls_are_put_together_by_index() -> None:
    whole = fold(
        'choices { index: 0 delta { tool_calls { index: 1 id: "b" type: "function" function { name: "g" arguments: "" } } } }',
        'choices { index: 0 delta { tool_calls { index: 0 id: "a" type: "function" function { name: "f" } } } }',
        "choices { index: 0 delta { tool_calls { index: 1 function { arguments: '{\"x\"' } } } }",
        "choices { index: 0 delta { tool_calls { index: 0 function { arguments: '{}' } } } }",
        "choices { index: 0 delta { tool_calls { index: 1 function { arguments: ':1}' } } } }",
    )
    calls = whole.choices[0].message.tool_calls
    assert [(c.id, c.function.name, c.function.arguments) for c in calls] == [("a", "f", "{}"), ("b", "g", '{"x":1}')]
    assert not any(call.HasField("index") for call in calls)


def test_several_answers_keep_their_index_whatever_the_order() -> None:
    whole = fold(
        'choices { index: 1 delta { content: "b" } }',
        'choices { index: 0 delta { content: "a" } }',
        'choices { index: 1 delta { content: "B" } }',
    )
    assert [(c.index, c.message.content[0].text) for c in whole.choices] == [(0, "a"), (1, "bB")]


def test_log_probabilities_and_citations_are_collected() -> None:
    piece = 'choices { index: 0 delta { annotations { type: "url_citation" } } logprobs { content { token: "%s" } } }'
    choice = fold(piece % "a", piece % "b").choices[0]
    assert [entry.token for entry in choice.logprobs.content] == ["a", "b"]
    assert len(choice.message.annotations) == 2


def test_an_empty_text_is_kept_apart_from_none() -> None:
    assert len(fold('choices { index: 0 delta { content: "" } }').choices[0].message.content) == 1
    assert not fold("choices { index: 0 delta { } }").choices[0].message.content


@pytest.mark.parametrize("cuts", [(), (3,), (4,), (1, 2, 5)])
def test_sound_is_joined_however_it_was_cut(cuts: tuple[int, ...]) -> None:
    sound = bytes(range(10))
    edges = [0, *cuts, len(sound)]
    pieces = [base64.b64encode(sound[a:b]).decode() for a, b in itertools.pairwise(edges)]
    assert base64.b64decode(join_base64(pieces)) == sound


def test_members_that_the_schema_does_not_know_are_merged() -> None:
    assert merge_json('{"a":1,"b":1}', '{"b":2}') == '{"a":1,"b":2}'
    assert merge_json("", '{"b":2}') == '{"b":2}'


def test_a_stream_has_one_id_one_role_and_its_usage_last() -> None:
    normalizer = Normalizer("v/m")
    chunks = [
        chunk('choices { delta { role: "assistant" } }'),
        chunk('id: "x" created: 7 model: "other" choices { delta { role: "assistant" content: "a" } }'),
        chunk('id: "y" choices { index: 1 delta { content: "b" } finish_reason: "stop" } usage { prompt_tokens: 1 }'),
        chunk("usage { prompt_tokens: 2 }"),
    ]
    normal = expanded(normalizer.batch(chunks))
    assert len(normal) == 3
    assert len({(each.id, each.created, each.model, each.object) for each in normal}) == 1
    assert normal[0].model == "v/m"
    assert [each.choices[0].delta.role for each in normal] == ["assistant", "", "assistant"]
    last = normalizer.last()
    assert last is not None
    assert (last.usage.prompt_tokens, last.id, len(last.choices)) == (2, normal[0].id, 0)
    assert not any(each.HasField("usage") for each in normal)
