"""Sources that an answer cites: those of a search, and those that it quotes at length.

Source: https://ai.google.dev/api/generate-content#GroundingMetadata.
"""

from collections.abc import Iterable

from parley.chat.v1.message_pb2 import Annotation

from service.backends.gemini.wire import count_of, object_of, objects_of, text_of
from service.codec import JsonObject


def annotations_of(text: str, grounding: JsonObject, citations: JsonObject) -> Iterable[Annotation]:
    """The citations of a whole text.

    :param text: what both speak of, in positions that count UTF-8 bytes.
    """
    encoded = text.encode()
    sources = [object_of(chunk, "web") for chunk in objects_of(grounding, "groundingChunks")]
    for support in objects_of(grounding, "groundingSupports"):
        indices = support.get("groundingChunkIndices")
        for index in indices if isinstance(indices, list) else ():
            if isinstance(index, int) and 0 <= index < len(sources) and sources[index]:
                yield _annotation(sources[index], object_of(support, "segment"), encoded)
    # The Gemini API calls them citationSources, Vertex AI citations.
    for name in ("citationSources", "citations"):
        for source in objects_of(citations, name):
            if text_of(source, "uri"):
                yield _annotation(source, source, encoded)


def _annotation(source: JsonObject, segment: JsonObject, encoded: bytes) -> Annotation:
    annotation = Annotation(type="url_citation")
    citation = annotation.url_citation
    citation.url = text_of(source, "uri")
    citation.title = text_of(source, "title")
    citation.start_index = _characters(encoded, count_of(segment, "startIndex"))
    citation.end_index = _characters(encoded, count_of(segment, "endIndex"))
    return annotation


def _characters(encoded: bytes, position: int) -> int:
    return len(encoded[:position].decode(errors="ignore"))
