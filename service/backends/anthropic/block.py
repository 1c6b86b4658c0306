"""One content block of an answer, from its start to its stop."""

from dataclasses import dataclass, field

from parley.chat.v1.message_pb2 import Annotation, UrlCitation

from service.codec import DecodeError, JsonObject, dumps, parse_object

OWN = frozenset(("text", "thinking", "redacted_thinking", "tool_use"))
"""Kinds of blocks that the schema has a place for."""

_DIRECT: JsonObject = {"type": "direct"}


@dataclass(slots=True)
class Block:
    """A block as it grows."""

    begun: JsonObject
    """As its start said it."""
    starts: int
    """Characters of the answer's text before it."""
    call: int | None = None
    """Which of the answer's calls it is, from 0."""
    pieces: list[str] = field(default_factory=list[str])
    """Text, thinking, or the JSON text of a call's input."""
    signature: list[str] = field(default_factory=list[str])
    citations: list[JsonObject] = field(default_factory=list[JsonObject])

    @property
    def kind(self) -> str:
        """The type that its start named."""
        kind = self.begun.get("type")
        return kind if isinstance(kind, str) else ""

    def extra(self) -> JsonObject:
        """What a call has besides name and input, which has to come back with the next turn."""
        return {
            name: value
            for name, value in self.begun.items()
            if name not in {"type", "id", "name", "input"} and value is not None and value != _DIRECT
        }

    def whole(self) -> JsonObject:
        """The block as the next turn returns it."""
        said = "".join(self.pieces)
        match self.kind:
            case "thinking":
                return {**self.begun, "thinking": said, "signature": "".join(self.signature)}
            case "text":
                cited: JsonObject = {"citations": list(self.citations)} if self.citations else {}
                return {"type": "text", "text": said, **cited}
            case _:
                return {**self.begun, "input": _input(said)} if said else self.begun

    def annotations(self, ends: int) -> list[Annotation]:
        """What its text cites. Web pages in OpenAI's form, all else in Anthropic's.

        :param ends: characters of the answer's text up to its end.
        """
        return [_annotation(citation, self.starts, ends) for citation in self.citations]


def _input(said: str) -> JsonObject:
    try:
        return parse_object(said)
    except DecodeError:
        # Cut short by the limit of tokens; the call itself has the text as it came.
        return {}


def _annotation(citation: JsonObject, starts: int, ends: int) -> Annotation:
    kind, url, title = (citation.get(name) for name in ("type", "url", "title"))
    if kind != "web_search_result_location" or not isinstance(url, str):
        rest = {name: value for name, value in citation.items() if name != "type"}
        return Annotation(type=kind if isinstance(kind, str) else "", extra_fields=dumps(rest).decode())
    rest = {name: value for name, value in citation.items() if name not in {"type", "url", "title"}}
    page = UrlCitation(start_index=starts, end_index=ends, url=url, title=title if isinstance(title, str) else "")
    if rest:
        page.extra_fields = dumps(rest).decode()
    return Annotation(type="url_citation", url_citation=page)
