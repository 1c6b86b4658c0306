"""Every field that changes how tokens are chosen does so, seen by what comes with it and without it."""

import math
from typing import Any

import pytest

from tests.stack import Parley
from tests.vllm.conftest import Note
from tests.vllm.talk import Vllm, answer, ask, shown, text

GREEDY: dict[str, Any] = {"max_tokens": 8}
WILD: dict[str, Any] = {"temperature": 2, "max_tokens": 8, "seed": 1}


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
async def test_the_length_is_limited(parley: Parley, note: Note, field: str) -> None:
    came = await answer(parley, **{field: 3})
    assert (came["usage"]["completion_tokens"], came["choices"][0]["finish_reason"]) == (3, "length")
    note(field, "3", "3 tokens, finish_reason `length`")


async def test_temperature_0_is_greedy_and_2_is_not(parley: Parley, note: Note) -> None:
    greedy, again, wild = [await text(parley, **how) for how in (GREEDY, GREEDY, WILD)]
    assert greedy == again != wild
    note("temperature", "0, and 2", f"{shown(greedy)}, and {shown(wild)}")


@pytest.mark.parametrize(("field", "value"), [("top_k", 1), ("top_p", 0.001), ("min_p", 1.0)])
async def test_what_leaves_only_the_likeliest_token_makes_it_greedy(
    parley: Parley, note: Note, field: str, value: float
) -> None:
    greedy, wild, narrowed = [await text(parley, **how) for how in (GREEDY, WILD, {**WILD, field: value})]
    assert narrowed == greedy != wild
    note(field, f"{value} at temperature 2", f"the greedy answer, {shown(narrowed)}")


@pytest.mark.parametrize("value", [0, -1])
async def test_a_top_k_that_means_all_changes_nothing(parley: Parley, value: int) -> None:
    assert await text(parley, **WILD, top_k=value) == await text(parley, **WILD)


async def test_a_seed_repeats_an_answer(parley: Parley, note: Note) -> None:
    one, again, other = [await text(parley, **{**WILD, "seed": seed}) for seed in (11, 11, 12)]
    assert one == again != other
    note("seed", "11, 11 and 12 at temperature 2", ", ".join(map(shown, (one, again, other))))


async def test_a_seed_of_64_bits_is_taken(parley: Parley) -> None:
    assert await text(parley, **{**WILD, "seed": 2**63 - 1})


async def test_a_bias_forces_a_token(parley: Parley, vllm: Vllm, note: Note) -> None:
    token = await vllm.token(" fish")
    said = await text(parley, logit_bias={str(token): 100}, max_tokens=3)
    assert said == " fish" * 3
    note("logit_bias", shown({str(token): 100}), shown(said))


@pytest.mark.parametrize("field", ["frequency_penalty", "presence_penalty"])
async def test_a_penalty_on_what_was_said_makes_the_model_say_something_else(
    parley: Parley, note: Note, field: str
) -> None:
    toss = {"role": "user", "content": "I toss a coin again and again: heads tails tails heads tails heads heads"}
    how: dict[str, Any] = {"messages": [toss], "chat_template": "{{ messages[0].content }}", "max_tokens": 6}
    without, against, in_favour = [await text(parley, **how, **more) for more in ({}, {field: 2}, {field: -2})]
    assert without == in_favour == " tails" * 6
    assert against.startswith(" tails heads")
    note(field, "none, and 2", f"{shown(without)}, and {shown(against)}")


async def test_a_stop_ends_the_answer_and_stays_in_it_where_that_is_asked(parley: Parley, note: Note) -> None:
    how: dict[str, Any] = {"guided_choice": ["alpha STOP omega"], "max_tokens": 24}
    said: list[str] = []
    variants: tuple[dict[str, Any], ...] = (
        {},
        {"stop": "STOP"},
        {"stop": ["zzz", "STOP"], "include_stop_str_in_output": True},
    )
    for fields in variants:
        came = await ask(parley, **how, **fields)
        assert "x-parley-disobeyed" not in came.headers, "the stop cut it, not the model"
        assert (came.status, came.json["choices"][0]["finish_reason"]) == (200, "stop")
        said.append(came.json["choices"][0]["message"]["content"])
    assert said == ["alpha STOP omega", "alpha ", "alpha STOP"]
    note("stop", shown("STOP"), f"{shown(said[0])} becomes {shown(said[1])}")
    note("include_stop_str_in_output", "true", shown(said[2]))


@pytest.mark.parametrize("stream", [False, True])
async def test_log_probabilities_come_with_every_token(parley: Parley, note: Note, stream: bool) -> None:
    came = await ask(parley, logprobs=True, top_logprobs=3, max_tokens=4, stream=stream)
    chunks = came.chunks if stream else [came.json]
    tokens = [t for chunk in chunks for c in chunk["choices"] if c["logprobs"] for t in c["logprobs"]["content"]]
    assert len(tokens) == 4
    said = came.text if stream else came.json["choices"][0]["message"]["content"]
    assert "".join(token["token"] for token in tokens) == said
    for token in tokens:
        assert len(token["top_logprobs"]) == 3
        assert token["logprob"] == max(other["logprob"] for other in token["top_logprobs"]), "greedy"
        assert sum(math.exp(other["logprob"]) for other in token["top_logprobs"]) <= 1.001
        assert bytes(token["bytes"]).decode() == token["token"]
    if not stream:
        first = tokens[0]["top_logprobs"]
        note("logprobs, top_logprobs", "true, 3", ", ".join(f"`{t['token']}` {t['logprob']:.2f}" for t in first))


async def test_logprobs_without_alternatives(parley: Parley) -> None:
    came = await answer(parley, logprobs=True, max_tokens=2)
    assert [token.get("top_logprobs") or [] for token in came["choices"][0]["logprobs"]["content"]] == [[], []]


@pytest.mark.parametrize("stream", [False, True])
async def test_n_answers_come(parley: Parley, note: Note, stream: bool) -> None:
    came = await ask(parley, n=2, temperature=1, seed=7, max_tokens=5, stream=stream)
    assert came.status == 200
    chunks = came.chunks if stream else [came.json]
    texts = {0: "", 1: ""}
    for chunk in chunks:
        for choice in chunk["choices"]:
            texts[choice["index"]] += choice.get("message", choice.get("delta"))["content"] or ""
    assert texts[0]
    assert texts[1]
    assert texts[0] != texts[1]
    if not stream:
        assert came.json["usage"]["completion_tokens"] == 10
        note("n", "2 at temperature 1", ", ".join(map(shown, texts.values())))


async def test_n_at_temperature_0_is_vllms_error(parley: Parley, note: Note) -> None:
    came = await ask(parley, n=2)
    assert came.status == 400
    assert "n must be 1 when using greedy sampling" in came.error["message"]
    note("n", "2 at temperature 0", f"400: {came.error['message']}")


async def test_best_of_gives_the_likeliest_of_many(parley: Parley, note: Note) -> None:
    how: dict[str, Any] = {"temperature": 1.5, "seed": 3, "max_tokens": 5}
    every = await answer(parley, **how, n=3, logprobs=True)
    means = {
        choice["message"]["content"]: sum(token["logprob"] for token in tokens) / len(tokens)
        for choice in every["choices"]
        if (tokens := choice["logprobs"]["content"])
    }
    came = await ask(parley, **how, best_of=3)
    assert came.headers["x-parley-emulated"] == "best_of"
    (choice,) = came.json["choices"]
    assert choice["message"]["content"] == max(means, key=lambda said: means[said])
    assert choice["logprobs"] is None
    assert came.json["usage"]["completion_tokens"] == every["usage"]["completion_tokens"]
    note(
        "best_of",
        "3 at temperature 1.5",
        f"{shown(choice['message']['content'])}, the likeliest of the 3; all paid for",
    )


async def test_usage_comes_last_where_it_is_asked_for(parley: Parley, note: Note) -> None:
    asked = await ask(parley, stream=True, stream_options={"include_usage": True}, max_tokens=3)
    *others, last = asked.chunks
    assert last["choices"] == []
    assert last["usage"]["completion_tokens"] == 3
    assert last["usage"]["total_tokens"] == last["usage"]["prompt_tokens"] + 3
    assert not any(chunk.get("usage") for chunk in others)
    unasked = await ask(parley, stream=True, max_tokens=3)
    assert not any(chunk.get("usage") for chunk in unasked.chunks)
    assert unasked.text == asked.text
    note("stream_options", shown({"include_usage": True}), "one last chunk with the usage; none without")
