"""docs/vllm.md: what was asked of a real vLLM through Parley, and what came."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that was seen."""

    field: str
    asked: str
    came: str


_HEAD = """\
# vLLM

What Parley does of each field is said in the table of fields; this page says what a real server did with it. It is
written by `make test-vllm`, which installs vLLM {vllm} for the processor, serves SmolLM2-135M-Instruct with it and asks
it through Envoy and Parley; all of it was seen in one run. Parley needs of the server:

- `--trust-request-chat-template` for `chat_template`, `--enable-auto-tool-choice --tool-call-parser NAME` for tools.
- `vllm_version` in parley.yaml (of the vendor or the deployment) where `GET /version` does not reach the server: the
  names of the guided fields depend on it. A server that does not know a name answers as if it were not there.

| field | asked | came |
|---|---|---|
"""

_TAIL = """
## Decisions

- **guided_\\*** are sent as `structured_outputs` from vLLM 0.11 on, and under their own names before. Never both.
- **guided_whitespace_pattern** is left out, and said to be: vLLM accepts it inside `structured_outputs` and does nothing
  with it. What decides is the server's `--structured-outputs-config`.
- **tool_choice** `required` or by name: vLLM forces the call but leaves its arguments free unless the tool is `strict`, so
  that a bare string may come. Parley sets `strict: true` where the caller left it open. `strict: false` stays.
- A call by name ends with finish_reason `stop`, a required one with `tool_calls`: so it is at OpenAI, and so it stays.
- **finish_reason** `repetition` (the server cut an answer that repeats itself) becomes `length`, with
  `native_finish_reason: repetition`; `abort` and `error` are errors, never answers.
- **best_of** is done by the service: `n` answers with their log probabilities, of which the best are kept. vLLM refuses
  `n` above 1 at temperature 0, and so it refuses best_of there.
- **suffix**, **modalities** with audio, **prediction**, **user**, **metadata** and **store** are accepted by vLLM and have
  no effect there, so Parley does not send them.
"""


def write(page: Path, vllm: str, rows: Iterable[Row]) -> None:
    """Writes the page."""
    lines = [f"| {_cell(row.field)} | {_cell(row.asked)} | {_cell(row.came)} |\n" for row in rows]
    page.write_text(_HEAD.format(vllm=vllm) + "".join(lines) + _TAIL)


def _cell(text: str) -> str:
    return text.replace("\n", "↵").replace("|", "\\|")
