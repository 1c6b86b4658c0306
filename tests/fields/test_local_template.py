"""A caller's own chat template on the embedded model, rendered by the service."""

import asyncio

import pytest

from tests.fields.ask import ask, choice, content, prompt_tokens, refusal, streamed
from tests.stack import Parley

OWN = (
    "{% for message in messages %}{% if loop.first and messages[0].role != 'system' %}<|im_start|>system\n"
    "You are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n{% endif %}"
    "<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""What the model's own template writes."""
ECHO = "Repeat after me: {{ %s }}"


async def test_the_models_own_template_changes_nothing(parley: Parley) -> None:
    plain = await ask(parley, logprobs=True, top_logprobs=2, seed=1)
    rendered = await ask(parley, logprobs=True, top_logprobs=2, seed=1, chat_template=OWN)
    assert rendered.json["object"] == "chat.completion"
    assert rendered.json["choices"] == plain.json["choices"]
    assert rendered.json["usage"]["prompt_tokens"] == plain.json["usage"]["prompt_tokens"]
    events = await streamed(parley, chat_template=OWN)
    assert events.text == plain.json["choices"][0]["message"]["content"]
    assert {chunk["object"] for chunk in events.chunks} == {"chat.completion.chunk"}
    assert events.chunks[-1]["usage"]["completion_tokens"] == 12


async def test_another_template_changes_the_prompt(parley: Parley) -> None:
    assert await prompt_tokens(parley, "Hi", chat_template="{{ messages[0].content }}") == 1
    assert await prompt_tokens(parley, chat_template="{{ bos_token }}{{ eos_token }}") == 2


async def test_its_further_variables(parley: Parley) -> None:
    template = "{% for _ in range(times) %} cat{% endfor %}"
    for times in (2, 5):
        assert await prompt_tokens(parley, chat_template=template, chat_template_kwargs={"times": times}) == times
    open_end = {"chat_template_kwargs": {"add_generation_prompt": False}}
    rendered = await prompt_tokens(parley, **open_end, chat_template=OWN)
    assert await prompt_tokens(parley, **open_end) == rendered < await prompt_tokens(parley)


async def test_it_sees_tools_and_calls(parley: Parley) -> None:
    tools = [{"type": "function", "function": {"name": "cat", "parameters": {"type": "object", "title": "dog"}}}]
    template = "{% for t in tools %}{{ t.function.name }}{{ t.function.parameters.title }}{% endfor %}"
    assert await prompt_tokens(parley, chat_template=template, tools=tools, tool_choice="none") == 2
    call = {"id": "c", "type": "function", "function": {"name": "cat", "arguments": '{"of": " dog"}'}}
    messages = [
        {"role": "user", "content": "x"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": " cat cat"},
    ]
    template = "{{ messages[1].tool_calls[0].function.arguments.of }}{{ messages[2].content }}"
    assert await prompt_tokens(parley, chat_template=template, messages=messages) == 3


async def test_other_fields_have_their_effect_beside_it(parley: Parley) -> None:
    fields = {"chat_template": OWN, "temperature": 2}
    assert await content(parley, **fields, guided_choice=["one", "two"]) in {"one", "two"}
    assert await content(parley, **fields, response_format={"type": "text"}, max_completion_tokens=2, max_tokens=None)
    tool = {"type": "function", "function": {"name": "f"}}
    called = await choice(
        parley, **fields, tools=[tool], tool_choice="required", parallel_tool_calls=False, max_tokens=60
    )
    assert called["message"]["tool_calls"][0]["function"] == {"name": "f", "arguments": "{}"}
    stopped = await content(
        parley, "Count from 1 to 10.", chat_template=OWN, stop="3.", include_stop_str_in_output=True, max_tokens=30
    )
    assert stopped.endswith("3.")
    two = await ask(parley, **fields, n=2, max_tokens=2)
    assert [c["index"] for c in two.json["choices"]] == [0, 1]
    error = await refusal(parley, chat_template=OWN, response_format={"type": "sonnet"})
    assert error["param"] == "response_format"


ATTACKS = {
    "{% for i in range(10**9) %}{% endfor %}": "Range too big",
    "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}": "too long",
    "{{ 'x' * 10**9 }}": "more memory",
    "{% include '/etc/passwd' %}": "no loader",
    "{{ ''.__class__.__mro__ }}": "unsafe",
    "{{ raise_exception('roles must alternate') }}": "roles must alternate",
    "{{ nobody.name }}": "undefined",
    "{% if %}": "not a Jinja template",
}


@pytest.mark.parametrize("template", ATTACKS)
async def test_a_template_that_goes_too_far_is_refused(parley: Parley, template: str) -> None:
    error = await refusal(parley, chat_template=template)
    assert (error["param"], error["code"]) == ("chat_template", "invalid_value")
    assert ATTACKS[template] in error["message"]


async def test_others_are_served_while_a_template_spins(parley: Parley) -> None:
    spins = "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}"
    hostile = asyncio.ensure_future(ask(parley, chat_template=spins))
    assert (await ask(parley, max_tokens=1)).status == 200
    assert not hostile.done()
    assert (await hostile).status == 400
