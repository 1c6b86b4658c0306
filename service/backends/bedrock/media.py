"""Images, sounds and documents as Converse's blocks: their format, a safe name, and their bytes in base64."""

import re
from collections.abc import Mapping
from types import MappingProxyType

from parley.chat.v1.message_pb2 import ContentPart, File

from service.backends.bedrock.refusal import invalid, unsupported
from service.codec import JsonObject

_IMAGES: Mapping[str, str] = MappingProxyType(
    {
        "image/png": "png",
        "image/jpeg": "jpeg",
        "image/jpg": "jpeg",
        "image/gif": "gif",
        "image/webp": "webp",
    }
)
_SIGNATURES: Mapping[str, str] = MappingProxyType(
    {"iVBORw0KGgo": "png", "/9j/": "jpeg", "R0lGOD": "gif", "UklGR": "webp"}
)
"""Image formats by how their bytes begin, in base64."""
_SOUNDS = frozenset("mp3 opus wav aac flac mp4 ogg mkv mka x-aac m4a mpeg mpga pcm webm".split())
_DOCUMENTS: Mapping[str, str] = MappingProxyType(
    {
        "application/pdf": "pdf",
        "application/msword": "doc",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
        "application/vnd.ms-excel": "xls",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
        "text/csv": "csv",
        "text/html": "html",
        "text/markdown": "md",
        "text/plain": "txt",
    }
)
_EXTENSIONS = frozenset(_DOCUMENTS.values())
_DATA_URL = re.compile(r"data:([^;,]*)((?:;[^;,]*)*),", re.IGNORECASE)
_UNNAMEABLE = re.compile(r"[^A-Za-z0-9\s()\[\]-]+")
"""What a document's name must not hold, by the description of DocumentBlock."""


def image(part: ContentPart, path: str) -> JsonObject:
    """The block of an image_url or image_data part."""
    if part.WhichOneof("part") == "image_data":
        path, data, media_type = f"{path}.image_data.data", part.image_data.data, part.image_data.media_type
    else:
        path, data, media_type = f"{path}.image_url.url", part.image_url.url, part.image_url.media_type
        if data[:8].lower().startswith(("http://", "https://")):
            raise unsupported(path, "Converse takes an image's bytes, and this one was not fetched; send a data: URL")
        if data.lower().startswith("data:"):
            said, data = _data_url(data, path)
            media_type = media_type or said
    kind = _IMAGES.get(media_type.lower())
    if kind is None and not media_type:
        kind = next((each for start, each in _SIGNATURES.items() if data.startswith(start)), None)
    if kind is None:
        known = ", ".join(sorted(set(_IMAGES.values())))
        raise unsupported(path, f"Converse takes images as {known}; got {media_type or 'an unknown kind'}")
    return {"image": {"format": kind, "source": {"bytes": data}}}


def sound(part: ContentPart, path: str) -> JsonObject:
    """The block of an input_audio part."""
    audio = part.input_audio
    if audio.format.lower() not in _SOUNDS:
        raise unsupported(f"{path}.input_audio.format", f"Converse takes {', '.join(sorted(_SOUNDS))}")
    return {"audio": {"format": audio.format.lower(), "source": {"bytes": audio.data}}}


def document(file: File, path: str, taken: set[str]) -> JsonObject:
    """The block of a file part.

    :param taken: names of the request's other documents, since each must have its own; the new one is added.
    """
    if not file.file_data:
        raise unsupported(f"{path}.file.file_id", "Bedrock keeps no uploaded files; send file_data")
    media_type, data = "", file.file_data
    if data.lower().startswith("data:"):
        media_type, data = _data_url(data, f"{path}.file.file_data")
    stem, _, extension = file.filename.rpartition(".")
    if (kind := _IMAGES.get(media_type.lower())) is not None:
        return {"image": {"format": kind, "source": {"bytes": data}}}
    kind = _DOCUMENTS.get(media_type.lower())
    if kind is None and extension.lower() in _EXTENSIONS:
        kind = extension.lower()
    if kind is None:
        known = ", ".join(sorted(_EXTENSIONS))
        problem = f"Converse takes documents as {known}, told by the data: URL's media type or the name's extension"
        raise unsupported(f"{path}.file", problem)
    name = _name(stem or file.filename, taken)
    return {"document": {"format": kind, "name": name, "source": {"bytes": data}}}


def _data_url(url: str, path: str) -> tuple[str, str]:
    """Media type and base64 of a data: URL."""
    match = _DATA_URL.match(url)
    if match is None or "base64" not in match[2].lower().split(";"):
        raise invalid(path, "expected a data: URL in base64")
    return match[1], url[match.end() :]


def _name(text: str, taken: set[str]) -> str:
    plain = " ".join(_UNNAMEABLE.sub(" ", text).split())[:180] or "document"
    name, number = plain, 1
    while name in taken:
        number += 1
        name = f"{plain} {number}"
    taken.add(name)
    return name
