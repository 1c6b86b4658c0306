"""Chunks that differ in nothing but their text become one, whether they came as runs or decoded; no others do."""

from parley.chat.v1.completion_pb2 import CompletionChunk

from service.backends.run import expanded
from service.backends.text_merging import text_merged
from tests.conformance.scenario import Answer
from tests.conformance.test_conformance import DIALOGUES, decoded, folded


def chunk(**fields: object) -> CompletionChunk:
    made = CompletionChunk(id="c", model="m", extra_fields=str(fields.pop("extra", "")))
    choice = made.choices.add(index=0, finish_reason=str(fields.pop("finish", "")))
    for name, value in fields.items():
        setattr(choice.delta, name, value)
    return made


def test_text_in_a_row_is_one() -> None:
    pieces = [chunk(role="assistant"), chunk(content="a"), chunk(content="b"), chunk(content="c"), chunk(finish="stop")]
    assert text_merged(pieces) == [chunk(role="assistant"), chunk(content="abc"), chunk(finish="stop")]
    assert pieces[3] == chunk(content="c"), "those that were given are as they were"


def test_what_differs_otherwise_stays_apart() -> None:
    other = chunk(content="b")
    other.id = "d"
    with_role = chunk(content="b", role="assistant")
    probable = chunk(content="b")
    probable.choices[0].logprobs.content.add(token="b")
    counted = chunk(content="b")
    counted.usage.total_tokens = 1
    for second in (
        other,
        with_role,
        probable,
        counted,
        chunk(reasoning_content="b"),
        chunk(content="b", extra='{"x":1}'),
    ):
        assert text_merged([chunk(content="a"), second]) == [chunk(content="a"), second]


def test_of_paddings_the_last_stays() -> None:
    pieces = [chunk(content=text, extra=f'{{"obfuscation":"{text * 3}"}}') for text in ("a", "b", "c")]
    assert text_merged(pieces) == [chunk(content="abc", extra='{"obfuscation":"ccc"}')]


def test_no_answer_says_anything_else_for_it() -> None:
    for dialogue in DIALOGUES.values():
        for name in ("text", "tools", "text_then_tool"):
            answer: Answer = getattr(dialogue, name)
            chunks = decoded(dialogue, answer, [answer.body], learns=False)
            fewer = expanded(text_merged(chunks))
            assert len(fewer) <= len(chunks)
            assert _same(fewer) == _same(chunks)


def _same(chunks: list[CompletionChunk]) -> CompletionChunk | object:
    completion = folded(chunks)
    completion.id, completion.created = "", 0
    return completion
