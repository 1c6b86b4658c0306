"""The effect of each field that samples, cuts or counts, on the embedded model."""

import math
from typing import Any

import grpc.aio
import pytest
from parley.chat.v1.chat_service_pb2_grpc import ChatServiceStub

from tests.end_to_end.calls import failure_of, message
from tests.fields.ask import ask, choice, content, finish, refusal, streamed
from tests.stack import LOCAL_MODEL, Parley

WILD: dict[str, Any] = {"temperature": 2, "top_p": 1, "min_p": 0}
COUNT = "Count from 1 to 10."
COUNTED = "1. 1\n2. 2\n3. 3"
AND = "284"
"""The token " and"."""


async def test_temperature_0_takes_the_likeliest_and_2_does_not(parley: Parley) -> None:
    # What is read from the cache was computed in other batches, which may tip the scales between two tokens.
    anew = {"inference_extra_params": {"cache_prompt": False}}
    calm = [await content(parley, temperature=0, seed=seed, **anew) for seed in (1, 2)]
    wild = [await content(parley, **WILD, seed=seed) for seed in (1, 2)]
    assert calm[0] == calm[1]
    assert wild[0] != wild[1]


@pytest.mark.parametrize("narrow", [{"top_p": 0}, {"top_k": 1}, {"min_p": 1}])
async def test_what_narrows_the_choice_to_the_likeliest_token(parley: Parley, narrow: dict[str, Any]) -> None:
    narrowed = [await content(parley, **{**WILD, **narrow}, seed=seed) for seed in (1, 2)]
    assert narrowed[0] == narrowed[1]


@pytest.mark.parametrize("seed", [7, -1, 2**32 - 1, 2**40, -(2**63)])
async def test_a_seed_repeats_and_another_does_not(parley: Parley, seed: int) -> None:
    first, again, other = [await content(parley, **WILD, seed=number) for number in (seed, seed, seed + 1)]
    assert first == again
    assert first != other


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
async def test_most_tokens(parley: Parley, name: str) -> None:
    answer = await ask(parley, **{"max_tokens": None, name: 3})
    assert answer.json["usage"]["completion_tokens"] == 3
    assert answer.json["choices"][0]["finish_reason"] == "length"


@pytest.mark.parametrize("stop", ["3.", ["nope", "3."]])
async def test_stop_is_taken_out(parley: Parley, stop: Any) -> None:
    whole = await content(parley, COUNT, max_tokens=20)
    cut = await choice(parley, COUNT, max_tokens=20, stop=stop)
    assert cut["message"]["content"] == whole[: whole.index("3.")]
    assert cut["finish_reason"] == "stop"


async def test_the_stop_sequence_is_kept_where_that_is_asked_for(parley: Parley) -> None:
    fields = {"max_tokens": 30, "stop": ["nope", "\n3."]}
    plain = await ask(parley, COUNT, **fields)
    kept = await ask(parley, COUNT, **fields, include_stop_str_in_output=True)
    events = await streamed(parley, COUNT, **fields, include_stop_str_in_output=True)
    expected = plain.json["choices"][0]["message"]["content"] + "\n3."
    assert kept.json["choices"][0]["message"]["content"] == events.text == expected
    assert kept.json["choices"][0]["finish_reason"] == finish(events) == "stop"
    assert kept.json["usage"]["completion_tokens"] == plain.json["usage"]["completion_tokens"] < 30
    assert b"verbose" not in kept.body + events.body


async def test_nothing_is_added_where_no_stop_sequence_ended_it(parley: Parley) -> None:
    fields = {"stop": ["nope"], "include_stop_str_in_output": True}
    assert await content(parley, COUNT, **fields) == await content(parley, COUNT)


@pytest.mark.parametrize("name", ["frequency_penalty", "presence_penalty"])
async def test_penalties_lower_what_was_said(parley: Parley, name: str) -> None:
    different: list[int] = []
    for value in (-2, 0, 2):
        answer = await choice(parley, **{name: value}, max_tokens=32, logprobs=True)
        different.append(len({token["id"] for token in answer["logprobs"]["content"]}))
    assert different[0] < different[1] < different[2]


async def test_logit_bias_forces_and_bans_a_token(parley: Parley) -> None:
    assert await content(parley, logit_bias={AND: 100}, max_tokens=4) == " and and and and"
    first = (await choice(parley, max_tokens=1, logprobs=True))["logprobs"]["content"][0]
    banned = await content(parley, max_tokens=1, logit_bias={str(first["id"]): -100})
    assert banned != first["token"]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("top", "number"), [(None, 0), (0, 0), (1, 1), (3, 3)])
async def test_log_probabilities(parley: Parley, *, stream: bool, top: int | None, number: int) -> None:
    fields = {"logprobs": True, "top_logprobs": top, "max_tokens": 4}
    if stream:
        chunks = (await streamed(parley, **fields)).chunks
        tokens = [t for c in chunks for p in c["choices"] if p["logprobs"] for t in p["logprobs"]["content"]]
    else:
        tokens = (await choice(parley, **fields))["logprobs"]["content"]
    assert "".join(token["token"] for token in tokens) == await content(parley, max_tokens=4)
    for token in tokens:
        assert -20 < token["logprob"] <= 0
        assert bytes(token["bytes"]).decode() == token["token"]
        likeliest = token.get("top_logprobs", [])
        assert len(likeliest) == number
        # At temperature 0 the likeliest is what was said.
        assert all(math.isclose(alternative["logprob"], token["logprob"]) for alternative in likeliest[:1])
        assert [a["logprob"] for a in likeliest] == sorted((a["logprob"] for a in likeliest), reverse=True)


async def test_n_answers_have_their_own_index_and_are_paid_together(parley: Parley) -> None:
    one = (await ask(parley, **WILD, seed=3, max_tokens=5)).json
    three = (await ask(parley, **WILD, seed=3, max_tokens=5, n=3)).json
    assert [c["index"] for c in three["choices"]] == [0, 1, 2]
    texts = [c["message"]["content"] for c in three["choices"]]
    assert texts[0] == one["choices"][0]["message"]["content"]
    assert len(set(texts)) == 3
    assert three["usage"]["completion_tokens"] == sum([5, 5, 5])
    assert three["usage"]["prompt_tokens"] == 3 * one["usage"]["prompt_tokens"]
    events = await streamed(parley, **WILD, seed=3, max_tokens=5, n=2)
    pieces = [c for chunk in events.chunks for c in chunk["choices"]]
    for index in (0, 1):
        assert texts[index] == "".join(c["delta"].get("content") or "" for c in pieces if c["index"] == index)


async def test_best_of_gives_the_likeliest_of_many(parley: Parley) -> None:
    fields = {**WILD, "seed": 5, "max_tokens": 6}
    all_of_them = (await ask(parley, **fields, n=3, logprobs=True)).json["choices"]
    best = await ask(parley, **fields, best_of=3)

    def mean(c: dict[str, dict[str, list[dict[str, Any]]]]) -> float:
        tokens = c["logprobs"]["content"]
        return sum(token["logprob"] for token in tokens) / len(tokens)

    [chosen] = best.json["choices"]
    assert chosen["message"]["content"] == max(all_of_them, key=mean)["message"]["content"]
    assert chosen["logprobs"] is None
    assert best.json["usage"]["completion_tokens"] == 18
    assert best.headers["x-parley-emulated"] == "best_of, n"


async def test_usage_of_a_stream_only_where_it_is_wanted(parley: Parley) -> None:
    wanted = await streamed(parley, max_tokens=4)
    assert wanted.chunks[-1]["usage"]["completion_tokens"] == 4
    silent = await ask(parley, max_tokens=4, stream=True)
    assert all("usage" not in chunk for chunk in silent.chunks)


async def test_last_k_shortens_the_prompt_and_says_so(parley: Parley) -> None:
    messages = [{"role": r, "content": f"Message {i} of many"} for i, r in enumerate(("user", "assistant") * 3)]
    messages.append({"role": "user", "content": "Hi"})
    whole = await ask(parley, messages=messages, max_tokens=1)
    cut = await ask(parley, messages=messages, max_tokens=1, memory_strategy={"name": "last_k", "k": 1})
    alone = await ask(parley, "Hi", max_tokens=1)
    assert cut.headers["x-parley-messages-left-out"] == "6"
    assert "x-parley-messages-left-out" not in whole.headers
    assert cut.json["usage"]["prompt_tokens"] == alone.json["usage"]["prompt_tokens"]
    assert cut.json["usage"]["prompt_tokens"] < whole.json["usage"]["prompt_tokens"]


async def test_inference_timeout_ends_a_long_answer(parley: Parley) -> None:
    answer = await ask(parley, max_tokens=4000, ignore_eos=True, inference_timeout=0.5)
    assert (answer.status, answer.error["code"]) == (504, "total_timeout")
    patient = await ask(parley, max_tokens=2, inference_timeout="30")
    assert patient.status == 200


async def test_inference_extra_params_have_the_last_word_but_for_the_model(parley: Parley) -> None:
    short = await ask(parley, max_tokens=9, inference_extra_params={"max_tokens": 2, "stream": False, "model": "x"})
    assert short.json["usage"]["completion_tokens"] == 2
    assert short.json["model"] == LOCAL_MODEL
    native = await ask(parley, max_tokens=None, inference_extra_params={"n_predict": 3})
    assert native.json["usage"]["completion_tokens"] == 3


async def test_members_that_the_schema_does_not_know_reach_the_engine(parley: Parley) -> None:
    assert await content(parley, grammar='root ::= "purr"') == "purr"


TUNING: dict[str, Any] = {
    "user": "u",
    "metadata": {"a": "b"},
    "store": True,
    "reasoning_effort": "low",
    "guided_decoding_backend": "outlines",
    "prediction": {"type": "content", "content": "x"},
}
FEATURES: dict[str, Any] = {"suffix": "end"}


@pytest.mark.parametrize("name", [*TUNING, *FEATURES])
async def test_what_cannot_be_honoured_is_refused_or_left_out_visibly(parley: Parley, name: str) -> None:
    fields = {name: {**TUNING, **FEATURES}[name]}
    plain = await content(parley, max_tokens=4)
    strict = await ask(parley, **fields, headers={"x-parley-unsupported": "strict"})
    assert (strict.status, strict.error["param"], strict.error["code"]) == (400, name, "unsupported_parameter")
    for policy, dropped in (("warn", name), ("drop", None)):
        answer = await ask(parley, **fields, max_tokens=4, headers={"x-parley-unsupported": policy})
        assert answer.status == 200
        assert answer.headers.get("x-parley-dropped") == dropped
        assert answer.json["choices"][0]["message"]["content"] == plain
    default = await ask(parley, **fields, max_tokens=4)
    assert default.status == (200 if name in TUNING else 400)


async def test_sound_and_pictures(parley: Parley) -> None:
    sound = {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "wav"}}
    assert (await refusal(parley, **sound))["param"] in sound
    warned = await ask(parley, **sound, max_tokens=2, headers={"x-parley-unsupported": "warn"})
    assert warned.headers["x-parley-dropped"] == "modalities, audio"
    assert (await ask(parley, modalities=["text"], max_tokens=1)).status == 200
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    messages = [{"role": "user", "content": [{"type": "text", "text": "What is it?"}, image]}]
    assert (await refusal(parley, messages=messages))["param"] == "messages[0].content[1].image_url"


async def test_names_of_participants_are_told_to_be_left_out(parley: Parley) -> None:
    answer = await ask(parley, messages=[{"role": "user", "content": "Hi", "name": "bob"}], max_tokens=1)
    assert answer.headers["x-parley-dropped"] == "messages[0].name"


async def test_over_grpc_fields_have_the_same_effect(parley: Parley, channel: grpc.aio.Channel) -> None:
    stub = ChatServiceStub(channel)
    rest = await content(parley, "Say hello", stop=["."], include_stop_str_in_output=True, max_tokens=30)
    request = message(LOCAL_MODEL, temperature=0, max_tokens=30, stop=["."], include_stop_str_in_output=True)
    whole = await stub.CreateCompletion(request, metadata=parley.metadata)
    assert whole.choices[0].message.content[0].text == rest
    assert rest.endswith(".")
    several = await stub.CreateCompletion(
        message(LOCAL_MODEL, temperature=2, seed=1, max_tokens=3, n=2, logprobs=True, top_logprobs=2),
        metadata=parley.metadata,
    )
    assert [c.index for c in several.choices] == [0, 1]
    assert [len(token.top_logprobs) for token in several.choices[1].logprobs.content] == [2, 2, 2]
    strict = (*parley.metadata, ("x-parley-unsupported", "strict"))
    failed = await failure_of(stub.CreateCompletion(message(LOCAL_MODEL, user="u"), metadata=strict))
    assert (failed.code, failed.fields) == (grpc.StatusCode.INVALID_ARGUMENT, ["user"])
