"""Cohere's citations as annotations.

Source: https://docs.cohere.com/docs/documents-and-citations.
"""

from parley.chat.v1.message_pb2 import Annotation, UrlCitation

from service.codec import JsonObject, JsonValue, dumps

KIND = "citation"
"""The annotation's type where a source is no web page: a document of the request, or a tool's result."""


def annotations_of(citation: JsonObject, offset: int) -> list[Annotation]:
    """A `url_citation` for each source that has an address, else one annotation of Cohere's own kind.

    Each keeps the whole citation, verbatim, as its member `citation`.

    :param offset: where in the text the cited content block begins.
    """
    extra = dumps({"citation": citation}).decode()
    pages = [page for page in map(_page, _list(citation.get("sources"))) if page is not None]
    if not pages or citation.get("type") not in {None, "TEXT_CONTENT"}:
        return [Annotation(type=KIND, extra_fields=extra)]
    start, end = citation.get("start"), citation.get("end")
    for page in pages:
        if isinstance(start, int) and isinstance(end, int) and 0 <= start <= end:
            page.start_index, page.end_index = start + offset, end + offset
    return [Annotation(type="url_citation", url_citation=page, extra_fields=extra) for page in pages]


def _page(source: JsonValue) -> UrlCitation | None:
    """The web page that a source is, as far as its own fields say so."""
    document = source.get("document") or source.get("tool_output") if isinstance(source, dict) else None
    if not isinstance(document, dict):
        return None
    url, title = document.get("url"), document.get("title")
    if not isinstance(url, str) or not url.startswith(("http://", "https://")):
        return None
    return UrlCitation(url=url, title=title if isinstance(title, str) else "")


def _list(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []
