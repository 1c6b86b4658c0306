"""Takes the quotes off an answer that is one JSON string, as it comes: the form in which Gemini follows a pattern."""

import json
import re
from dataclasses import dataclass

_WHOLE = re.compile(
    r"""(?:[^"\\\x00-\x1f]
        |\\["\\/bfnrt]
        |\\u(?![dD][89a-fA-F])[0-9a-fA-F]{4}
        |\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}
    )*""",
    re.VERBOSE,
)
"""Characters and escapes that are whole, both halves of a surrogate pair together."""


@dataclass(slots=True)
class Unquoter:
    """State of one string; never reused. Text that is no JSON string comes out as it is."""

    _held: str = ""
    _within: bool = False
    _plain: bool = False

    def feed(self, text: str) -> str:
        """What the text so far says beyond what was given out before."""
        if self._plain:
            return text
        self._held += text
        if not self._within:
            start = self._held.lstrip()
            if not start:
                return ""
            if not start.startswith('"'):
                self._plain = True
                return self._take(len(self._held))
            self._within = True
            self._held = start[1:]
        match = _WHOLE.match(self._held)
        end = match.end() if match else 0
        escaped = self._take(end)
        return json.loads(f'"{escaped}"') if "\\" in escaped else escaped

    def end(self) -> str:
        """What is left when the answer ends: nothing of a whole string, else what cannot be read as one."""
        rest = self._take(len(self._held))
        return "" if self._within and rest.rstrip() == '"' else rest

    def _take(self, count: int) -> str:
        taken, self._held = self._held[:count], self._held[count:]
        return taken
