"""Remembers what the events of a vendor's streams look like, so that those of the next stream need not be decoded.

A form is an event's bytes but for the few values in which events of its kind differ. What is recalled is only what the
event itself says: nothing of another answer is in it.
"""

from dataclasses import dataclass, field

from service.backends.form import Decode, Form, Recalled, form_of
from service.codec import DecodeError

_MOST_FORMS = 16
_LARGEST = 4 * 1024
"""Bytes of an event that is worth remembering."""
_PATIENCE = 8
"""How many forms may be learnt in a row that nothing fits; after these, fewer and fewer events are looked at."""
_MOST_PASSED_OVER = 1024


@dataclass(slots=True)
class Memory:
    """What was learnt of all answers of one place. Belongs to one event loop.

    Sound for a reader to which an event means the same wherever it stands, and in whichever answer.
    """

    _forms: list[Form] = field(default_factory=list[Form])
    _in_vain: int = 0
    _passed: int = 0

    @property
    def forms(self) -> int:
        """How many are known."""
        return len(self._forms)

    def recall(self, text: bytes, at: int) -> Recalled | None:
        """The event that begins at `at`; None where nothing is known that is like it."""
        for form in self._forms:
            if match := form.match(text, at):
                if not form.proven:
                    form.proven = True
                    self._in_vain = 0
                return form.meaning(match)
        return None

    def learn(self, data: bytes, decode: Decode) -> None:
        """Learns from the data of an event that was decoded."""
        if self._in_vain >= _PATIENCE:
            self._passed += 1
            if self._passed < min(2 ** (self._in_vain - _PATIENCE), _MOST_PASSED_OVER):
                return
            self._passed = 0
        self._in_vain += 1
        try:
            form = form_of(data, decode) if len(data) <= _LARGEST else None
        except DecodeError:
            form = None
        if form is None:
            return
        if len(self._forms) >= _MOST_FORMS:
            # What is of use stays.
            self._forms.remove(next((each for each in self._forms if not each.proven), self._forms[0]))
        self._forms.append(form)
