"""What the steps of the pipeline make of a run is what they make of its chunks."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest
from parley.chat.v1.completion_pb2 import ChunkChoice, Completion, CompletionChunk, CompletionRequest, Delta
from parley.chat.v1.tool_pb2 import FunctionCall, ToolCall

from service.backends.generated import is_generated
from service.backends.run import MARK, PADDING_MARK, SLOTS, Piece, Run, Template, expanded
from service.codec import encoder, parse_object
from service.pipeline.fanout import fan_out
from service.pipeline.fold import Fold
from service.pipeline.functions import tools_to_functions
from service.pipeline.guide import Guide
from service.pipeline.normalize import Normalizer

DELTAS = {
    "content": Delta(content=MARK, role="assistant"),
    "reasoning_content": Delta(reasoning_content=MARK),
    "arguments": Delta(tool_calls=[ToolCall(function=FunctionCall(arguments=MARK))]),
}
TEXTS = [b"a", b"\\n", b"\\u00e9\\ud83d\\ude00", "é".encode()]
write = encoder(CompletionChunk, nulls=True)


def answer(slot: str, *, padded: bool = False, index: int = 0) -> list[Piece]:
    """A first chunk, and a run of the same kind."""
    extra = f'{{"obfuscation":"{PADDING_MARK}"}}' if padded else ""
    chunk = CompletionChunk(id="vendor's", choices=[ChunkChoice(index=index, delta=DELTAS[slot])], extra_fields=extra)
    run = Run(Template(chunk, SLOTS[slot], padded), TEXTS, [b"x", b"", b"\\t", b"yy"] if padded else [])
    return [CompletionChunk(id="x", created=1, choices=[ChunkChoice(index=index, delta=Delta(role="assistant"))]), run]


slots = pytest.mark.parametrize("slot", SLOTS)
paddings = pytest.mark.parametrize("padded", [False, True])


@slots
@paddings
def test_normal_chunks_are_written_alike(slot: str, padded: bool) -> None:
    one, each = Normalizer("v/m"), Normalizer("v/m")
    pieces = one.batch(answer(slot, padded=padded))
    chunks = each.batch(expanded(answer(slot, padded=padded)))
    assert [type(piece) for piece in pieces] == [CompletionChunk, Run]
    assert expanded(pieces) == chunks
    run = pieces[1]
    assert isinstance(run, Run)
    lines = run.write(lambda chunk: write(chunk) + b"\n").splitlines()
    assert [parse_object(line) for line in lines] == [parse_object(write(chunk)) for chunk in expanded(chunks[1:])]


@slots
def test_the_first_of_a_choice_has_its_role_even_where_it_is_one_of_a_run(slot: str) -> None:
    chunks = expanded(Normalizer("v/m").batch(answer(slot)[1:]))
    assert [chunk.choices[0].delta.role for chunk in chunks] == ["assistant", "", "", ""]


@slots
@paddings
def test_it_folds_alike(slot: str, padded: bool) -> None:
    one, each = Fold(), Fold()
    one.batch(answer(slot, padded=padded))
    for chunk in expanded(answer(slot, padded=padded)):
        each.add(chunk)
    assert one.result() == each.result()


def test_calls_of_a_run_become_the_call_of_a_function() -> None:
    normal = Normalizer("v/m").batch(answer("arguments"))
    chunks = expanded(tools_to_functions(normal))
    assert [chunk.choices[0].delta.function_call.arguments for chunk in chunks] == ["", "a", "\n", "é😀", "é"]
    assert not any(chunk.choices[0].delta.tool_calls for chunk in chunks)


def test_a_guide_follows_it() -> None:
    guide = Guide.of(CompletionRequest(guided_choice=["a\né😀é"]))
    assert guide is not None
    guide.follow(answer("content"))
    guide.follow([CompletionChunk(choices=[ChunkChoice(index=0, finish_reason="stop")])])
    assert guide.obeyed(CompletionRequest(guided_choice=["a\né😀é"]))
    assert not guide.obeyed(CompletionRequest(guided_choice=["a"]))


async def test_several_answers_of_runs_have_their_indices() -> None:
    async def run(_: int) -> AsyncGenerator[list[Piece], None]:
        yield answer("content")
        yield answer("content")[1:]

    fold = Fold()
    async with aclosing(fan_out(2, run)) as batches:
        async for batch in batches:
            fold.batch(batch)
    completion: Completion = fold.result()
    texts = [choice.message.content[0].text for choice in completion.choices]
    assert texts == ["a\né😀é" * 2] * 2


def test_a_run_is_generated() -> None:
    begun, run = answer("content")
    assert (is_generated(begun), is_generated(run)) == (False, True)
