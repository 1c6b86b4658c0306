"""Renders one chat template, in a process that can do nothing else: `python -I template.py < job.json > result.json`.

Templates are callers' programs. Jinja's sandbox keeps them from Python's insides; this process has limits of time and
memory, which a sandbox cannot keep, no environment, and cannot open a file or a socket.
"""

import json
import resource
import sys
from datetime import datetime
from typing import Any, NoReturn, cast

from jinja2 import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

CPU_SECONDS = 2
"""Time of computing; a template of a real model takes a thousandth of it."""
MEMORY_BYTES = 384 * 1024 * 1024
"""Address space, of which Python itself takes about a third."""
TEXT_LIMIT = 4 * 1024 * 1024
"""Most characters of what is rendered; beyond any model's context."""


def main() -> None:
    """Reads `{"template": text, "variables": object}`, writes `{"text": text}` or `{"problem": text}`."""
    job: dict[str, Any] = json.load(sys.stdin.buffer)
    environment = _environment()
    _import_what_is_imported_late(environment)
    _limit()
    try:
        result = {"text": _render(environment, job["template"], job["variables"])}
    except _RefusalError as error:
        result = {"problem": str(error)}
    except MemoryError:
        result = {"problem": "it needs more memory than a template may have"}
    except RecursionError:
        result = {"problem": "it is nested too deep"}
    except (OSError, ImportError):
        result = {"problem": "it uses something that is not there for templates"}
    except TemplateError as error:
        result = {"problem": f"{type(error).__name__}: {error.message}"[:500]}
    except UnicodeError:
        result = {"problem": "it renders what is not valid Unicode"}
    except Exception as error:  # noqa: BLE001  # the caller's program failed, in whatever way
        result = {"problem": f"{type(error).__name__}: {error}"[:500]}
    sys.stdout.write(json.dumps(result))


class _RefusalError(Exception):
    """What the template itself refuses, or what it is refused."""


def _import_what_is_imported_late(environment: ImmutableSandboxedEnvironment) -> None:
    """Does once what makes Python open files: a rendering, one that fails, a time."""
    environment.from_string("{% for m in [1] %}{{ m | tojson | trim }}{% endfor %}{{ lipsum(1) }}").render()
    try:
        environment.from_string("{{ raise_exception('x') }}").render()
    except _RefusalError:
        _strftime_now("%c")


def _limit() -> None:
    # The hard limit is later, so that the soft one ends it by a signal of its own, which tells why.
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 1))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    # Only standard input, output and error, which are open.
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))


def _render(environment: ImmutableSandboxedEnvironment, template: str, variables: dict[str, Any]) -> str:
    pieces: list[str] = []
    size = 0
    for piece in environment.from_string(template).generate(**variables):
        size += len(piece)
        if size > TEXT_LIMIT:
            raise _RefusalError(f"it renders more than {TEXT_LIMIT} characters")
        pieces.append(piece)
    text = "".join(pieces)
    # Half a surrogate pair is no text that can be sent on.
    text.encode()
    return text


def _environment() -> ImmutableSandboxedEnvironment:
    """What templates of models are written for, as transformers made it the custom."""
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # a prompt is no HTML
        extensions=["jinja2.ext.loopcontrols"],
    )
    environment.filters["tojson"] = _tojson
    names = cast("dict[str, object]", environment.globals)
    names.update(raise_exception=_raise_exception, strftime_now=_strftime_now)
    return environment


def _tojson(value: object, ensure_ascii: bool = False, indent: int | None = None) -> str:  # the templates' own names
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent)


def _raise_exception(message: object) -> NoReturn:
    raise _RefusalError(str(message)[:500])


def _strftime_now(form: str) -> str:
    return datetime.now().astimezone().strftime(form)


if __name__ == "__main__":
    main()
