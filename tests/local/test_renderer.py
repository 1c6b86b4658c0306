"""Hostile and honest templates, in the process that renders them."""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from service.local import template as program
from service.local.renderer import Renderer, TemplateProblem, start_program

VARIABLES: dict[str, Any] = {"messages": [{"role": "user", "content": "hé"}], "x": {"ü": [1, 2.5, None]}}


async def render(text: str, **variables: object) -> str:
    return await Renderer().render(text, {**VARIABLES, **variables})


@pytest.mark.parametrize(
    ("text", "rendered"),
    [
        ("{% for m in messages %}\n  {{ m.role }}: {{ m['content'] }}\n{% endfor %}", "user: hé\n"),
        ("{{ x | tojson }}{{ x | tojson(indent=1) | length }}", '{"ü": [1, 2.5, null]}33'),
        ("{% for i in range(9) %}{% if i == 2 %}{% break %}{% endif %}{{ i }}{% endfor %}", "01"),
        ("{% set ns = namespace(n=0) %}{% for m in messages %}{% set ns.n = ns.n + 1 %}{% endfor %}{{ ns.n }}", "1"),
        ("{{ messages[0].content.strip().upper() }}{{ missing is defined }}", "HÉFalse"),
        ("<b>{{ '<' }}", "<b><"),
        ("", ""),
    ],
)
async def test_what_models_templates_use(text: str, rendered: str) -> None:
    expected = "  " + rendered if rendered.startswith("user") else rendered
    assert await render(text) == expected


async def test_the_time_of_day() -> None:
    assert len(await render("{{ strftime_now('%d %b %Y') }}")) == len("01 Jan 2000")


ATTACKS = {
    "{% for i in range(10**9) %}{% endfor %}": "Range too big",
    "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}": "too long",
    "{{ 10 ** (10 ** 9) }}": "too long",
    "{{ lipsum(n=10000000) }}": "too long",
    "{{ 'x' * 10**9 }}": "more memory",
    "{{ '%1000000000d' % 1 }}": "more memory",
    "{{ 'x' | center(1000000000) }}": "more memory",
    "{% set n = namespace(s='xxxxxxxx') %}{% for i in range(40) %}{% set n.s = n.s ~ n.s %}{% endfor %}": "more memory",
    "{% set n = namespace(s=[1]) %}{% for i in range(40) %}{% set n.s = n.s + n.s %}{% endfor %}": "more memory",
    "{% for i in range(99999) %}{% for j in range(99) %}{{ 'x' * 99 }}{% endfor %}{% endfor %}": "renders more than",
    "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}": "too deep",
    "{{ '\\ud800' }}": "not valid Unicode",
    "{% include '/etc/passwd' %}": "no loader",
    "{% import 'os' as os %}": "no loader",
    "{% extends '/etc/passwd' %}": "no loader",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}": "unsafe",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}": "unsafe",
    "{{ (raise_exception | attr('__globals__')).sys }}": "unsafe",
    "{{ messages.append(1) }}": "unsafe",
    "{{ x.update({}) }}": "unsafe",
    "{{ raise_exception('roles must alternate') }}": "roles must alternate",
    "{{ missing.name }}": "undefined",
    "{{ messages[0].content() }}": "not callable",
}


@pytest.mark.parametrize("text", ATTACKS)
async def test_a_template_that_goes_too_far_is_given_up(text: str) -> None:
    with pytest.raises(TemplateProblem, match=ATTACKS[text]):
        await render(text)


@pytest.mark.parametrize("text", ["{{ '{0.__class__}'.format(x) }}", "{{ raise_exception.__globals__ }}"])
async def test_what_leads_inside_python_is_empty(text: str) -> None:
    assert await render(text) == ""


async def test_a_rendering_that_nobody_waits_for_is_ended() -> None:
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        started.append(start_program())
        return started[0]

    spins = "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}"
    task = asyncio.ensure_future(Renderer(start).render(spins, {}))
    while not started:  # noqa: ASYNC110  # until the task has come so far
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    # Not SIGXCPU, by which it would have ended itself in time.
    assert started[0].returncode == -signal.SIGKILL


def test_the_process_can_open_nothing() -> None:
    """Should a template ever leave the sandbox."""
    source = (
        f"import sys, socket; sys.path.insert(0, {str(Path(program.__file__).parent)!r})\n"
        "import template, os\n"
        "template._limit()\n"
        "for attempt in (lambda: open('/etc/passwd'), socket.socket, lambda: os.system('true') and 1 / 0):\n"
        "    try:\n"
        "        attempt()\n"
        "    except OSError as error:\n"
        "        print(error.errno)\n"
    )
    done = subprocess.run([sys.executable, "-I", "-c", source], capture_output=True, text=True, check=False)
    assert done.stdout.split()[:2] == ["24", "24"]
