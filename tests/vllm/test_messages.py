"""What is said to the model is what vLLM renders, seen in the text that it makes of the messages."""

from typing import Any

import pytest

from tests.end_to_end.calls import post
from tests.stack import Parley
from tests.vllm.conftest import Note
from tests.vllm.server import MODEL
from tests.vllm.talk import NAME, ask, prompt, shown

TEMPLATE = "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}{{ greeting }}"


async def test_a_template_of_the_request_renders_it(parley: Parley, note: Note) -> None:
    messages = [{"role": "user", "content": "hi"}]
    assert await prompt(parley, messages=messages, chat_template=TEMPLATE) == "[user]hi"
    note("chat_template", shown(TEMPLATE), shown("[user]hi"))
    rendered = await prompt(
        parley, messages=messages, chat_template=TEMPLATE, chat_template_kwargs={"greeting": "Ahoy"}
    )
    assert rendered == "[user]hiAhoy"
    note("chat_template_kwargs", shown({"greeting": "Ahoy"}), shown(rendered))


async def test_only_the_last_messages_are_sent_where_that_is_asked(parley: Parley, note: Note) -> None:
    messages = [
        {"role": "system", "content": "S"},
        *(
            {"role": role, "content": str(n)}
            for n, role in enumerate(("user", "assistant", "user", "assistant", "user"))
        ),
    ]
    strategy = {"name": "last_k", "params": {"k": 1}}
    rendered = await prompt(parley, messages=messages, memory_strategy=strategy, chat_template=TEMPLATE)
    assert rendered == "[system]S[user]4"
    note("memory_strategy", f"{shown(strategy)} on 6 messages", shown(rendered))


@pytest.mark.parametrize(
    ("message", "template", "rendered"),
    [
        ({"role": "user", "content": "b", "name": "bob"}, "{{ messages[0].name }}", "bob"),
        # Models know no developer, so vLLM makes a system message of it.
        ({"role": "developer", "content": "d"}, "{{ messages[0].role }}: {{ messages[0].content }}", "system: d"),
        ({"role": "user", "content": [{"type": "text", "text": "part"}]}, "{{ messages[0].content }}", "part"),
    ],
)
async def test_a_message_comes_whole(parley: Parley, message: dict[str, Any], template: str, rendered: str) -> None:
    assert await prompt(parley, messages=[message], chat_template=template) == rendered


@pytest.mark.parametrize("name", ["reasoning", "reasoning_content"])
async def test_earlier_reasoning_reaches_the_template(parley: Parley, note: Note, name: str) -> None:
    messages = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "yes", name: "Hm."},
        {"role": "user", "content": "why"},
    ]
    rendered = await prompt(parley, messages=messages, chat_template="{{ messages[1].reasoning }}")
    assert rendered == "Hm."
    note(f"message.{name}", shown("Hm."), "in the template as `reasoning`")


async def test_the_reasoning_effort_reaches_the_template(parley: Parley, note: Note) -> None:
    assert await prompt(parley, reasoning_effort="low", chat_template="a{{ reasoning_effort }}") == "alow"
    note("reasoning_effort", "low", "in the template as `reasoning_effort`")


async def test_calls_and_their_results_reach_the_template(parley: Parley) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Paris"}'}}
    messages = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "rain"},
    ]
    template = "{{ messages[1].tool_calls[0].function.arguments.city }} {{ messages[2].content }}"
    assert await prompt(parley, messages=messages, chat_template=template) == "Paris rain"


@pytest.mark.parametrize(("name", "value"), [("user", "u1"), ("metadata", {"a": "b"}), ("store", True)])
async def test_what_vllm_ignores_is_left_out_and_named(parley: Parley, note: Note, name: str, value: Any) -> None:
    came = await ask(parley, **{name: value})
    assert (came.status, came.headers["x-parley-dropped"]) == (200, name)
    note(name, shown(value), f"`x-parley-dropped: {name}`")


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("suffix", {"suffix": "the end"}),
        ("audio", {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "wav"}}),
    ],
)
async def test_what_vllm_has_no_form_for_is_refused(
    parley: Parley, note: Note, name: str, fields: dict[str, Any]
) -> None:
    came = await ask(parley, **fields)
    assert (came.status, came.error["code"]) == (400, "unsupported_parameter")
    note(name, shown(fields), f"400 `{came.error['code']}`")


async def test_an_image_reaches_a_model_that_cannot_see(parley: Parley, note: Note) -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    came = await ask(parley, messages=[{"role": "user", "content": [image]}])
    assert came.status == 400
    assert "not a multimodal model" in came.error["message"]
    note("content.image_url", "to a model without eyes", f"400: {came.error['message']}")


async def test_the_models_are_listed(parley: Parley, note: Note) -> None:
    came = await post(parley, b"", path="/v1/models", method="GET")
    assert {NAME, f"old/{MODEL}"} <= {model["id"] for model in came.json["data"]}
    note("GET /v1/models", "", f"{shown(NAME)} among them")
