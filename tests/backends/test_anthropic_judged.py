"""Anthropic's own client as the judge of what we send and of what we take for its answers."""

import base64
import functools
import json
import subprocess
from pathlib import Path

import pytest

from tests.backends.anthropic_cases import CASES, Json
from tests.backends.anthropic_stage import CITED, VERTEX, completion, encode, on, sent
from tests.clients.environments import JUDGES, make_environment
from tests.conformance.anthropic import ANTHROPIC
from tests.conformance.scenario import ANSWERS, REFUSALS, Answer, Refusal

ROOT = Path(__file__).parents[2]


@functools.cache
def judged() -> tuple[list[Json], list[Json]]:
    """All cases and their verdicts, in one go."""
    (judge,) = (lane for lane in JUDGES if lane.name == "anthropic")
    make_environment(judge)
    cases: list[Json] = [
        {
            "kind": "request",
            "id": case.id,
            "streams": streams,
            "body": sent(case.request, on(case.model), stream=streams),
        }
        for case in CASES
        for streams in (False, True)
    ]
    for streams in (False, True):
        target = on("claude-haiku-4-5@20251001", VERTEX)
        got = encode({}, target, stream=streams)
        place = {"region": "us-east5", "project": "p", "model": target.model}
        cases.append(
            {"kind": "request", "id": "vertex", "vertex": place, "path": got.path, "body": json.loads(got.body)}
        )
    answers: dict[str, Answer] = {
        name: answer for name in ANSWERS if isinstance(answer := getattr(ANTHROPIC, name), Answer)
    }
    for name, answer in {**answers, "cited": CITED}.items():
        cases.append(_answer(name, 200, answer.body, answer.content_type, stream=answer.stream))
    for name in REFUSALS:
        refusal: Refusal = getattr(ANTHROPIC, name)
        cases.append(_answer(name, refusal.status, refusal.body, "application/json", headers=refusal.headers or {}))
    run = subprocess.run(
        [judge.python, "-m", "tests.sdk.anthropic"],
        cwd=ROOT,
        input=json.dumps(cases),
        env={},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return cases, json.loads(run.stdout)


def _answer(
    name: str,
    status: int,
    body: bytes,
    content_type: str,
    *,
    stream: bool = False,
    headers: dict[str, str] | None = None,
) -> Json:
    content = base64.b64encode(body).decode()
    return {
        "kind": "answer",
        "id": name,
        "status": status,
        "body": content,
        "stream": stream,
        "headers": headers or {},
        "content_type": content_type,
    }


def verdicts(kind: str) -> list[tuple[Json, Json]]:
    return [(case, verdict) for case, verdict in zip(*judged(), strict=True) if case["kind"] == kind]


def test_the_client_sends_what_we_send() -> None:
    for case, verdict in verdicts("request"):
        assert "problem" not in verdict, (case["id"], verdict)
        versions = ({"anthropic_version": "2026-10-21"}, {"anthropic_version": "vertex-2023-10-16"})
        expected = {**case["body"], **versions[0]} if "vertex" in case else case["body"]
        assert verdict["sent"] == expected, case["id"]
        assert verdict["known"] == verdict["newer"], (case["id"], "its types do not know all of it")
        assert verdict["path"] == (f"/v1{case['path']}" if "vertex" in case else "/v1/messages")


def test_the_client_reads_what_we_read() -> None:
    seen: set[str] = set()
    for case, verdict in verdicts("answer"):
        name = case["id"]
        if case["status"] != 200 or name in {
            "error_mid_stream",
            "truncated",
            "malformed",
            "future_event",
            "future_finish",
        }:
            continue
        assert "message" in verdict, (name, verdict)
        theirs: Json = verdict["message"]
        ours = completion(CITED if name == "cited" else getattr(ANTHROPIC, name))
        (choice,) = ours["choices"]
        blocks: list[Json] = theirs["content"]
        said = "".join(block["text"] for block in blocks if block["type"] == "text")
        assert (choice["message"].get("content") or "") == said
        assert choice["native_finish_reason"] == theirs["stop_reason"]
        assert [
            (each["id"], json.loads(each["function"]["arguments"])) for each in choice["message"].get("tool_calls", [])
        ] == [(block["id"], block["input"]) for block in blocks if block["type"] == "tool_use"]
        assert choice["message"].get("thinking_blocks", []) == [
            block for block in blocks if "thinking" in block["type"]
        ]
        assert ours["usage"]["completion_tokens"] == theirs["usage"]["output_tokens"]
        seen.add(name)
    assert len(seen) > 8


@pytest.mark.parametrize(
    ("name", "raised"),
    [
        ("bad_request", "BadRequestError"),
        ("not_found", "NotFoundError"),
        ("own_key", "AuthenticationError"),
        ("rate_limited", "RateLimitError"),
        ("overloaded", "OverloadedError"),
        ("server_error", "InternalServerError"),
        ("context_length", "BadRequestError"),
        ("error_mid_stream", "APIStatusError"),
    ],
)
def test_the_client_raises_what_we_raise(name: str, raised: str) -> None:
    ((_, verdict),) = [pair for pair in verdicts("answer") if pair[0]["id"] == name]
    assert verdict == {"raised": raised}
