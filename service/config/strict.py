"""What all parts of a configuration have in common: they take only the keys that they know, and never change."""

from pydantic import ConfigDict

STRICT = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True, hide_input_in_errors=True)
