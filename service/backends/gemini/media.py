"""Sounds, images and documents as parts of a turn."""

from parley.chat.v1.message_pb2 import File, ImageData, ImageUrl, InputAudio

from service.backends.dialect import Target
from service.codec import JsonObject
from service.errors import ApiError, Kind

_TYPES = {
    "aac": "audio/aac",
    "aiff": "audio/aiff",
    "avi": "video/avi",
    "bmp": "image/bmp",
    "csv": "text/csv",
    "flac": "audio/flac",
    "gif": "image/gif",
    "heic": "image/heic",
    "heif": "image/heif",
    "html": "text/html",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "json": "application/json",
    "md": "text/md",
    "mov": "video/mov",
    "mp3": "audio/mp3",
    "mp4": "video/mp4",
    "mpeg": "video/mpeg",
    "mpg": "video/mpg",
    "ogg": "audio/ogg",
    "pdf": "application/pdf",
    "png": "image/png",
    "txt": "text/plain",
    "wav": "audio/wav",
    "webm": "video/webm",
    "webp": "image/webp",
    "wmv": "video/wmv",
    "xml": "text/xml",
}
"""Media types by extension (https://ai.google.dev/gemini-api/docs/file-input-methods)."""


def image_url(image: ImageUrl, path: str) -> JsonObject:
    """An image by its address. INVALID_VALUE where it is none, or of an unknown type."""
    return _media(image.url, image.media_type, f"{path}.image_url.url")


def image_data(image: ImageData, path: str) -> JsonObject:
    """An image's bytes."""
    return _inline(image.media_type or "image/png", image.data)


def input_audio(audio: InputAudio, path: str) -> JsonObject:
    """A sound's bytes."""
    return _inline(_TYPES.get(audio.format, f"audio/{audio.format}"), audio.data)


def file(document: File, target: Target, path: str) -> JsonObject:
    """A document's bytes, or one that is at the vendor: a `gs://` address, or a name at its Files API."""
    if document.file_data:
        return _media(document.file_data, _type_of(document.filename), f"{path}.file.file_data")
    if "://" in document.file_id:
        return _media(document.file_id, _type_of(document.filename), f"{path}.file.file_id")
    # The API takes whole addresses only, and knows the type of what it keeps.
    return {"fileData": {"fileUri": f"{target.base_url}/files/{document.file_id.removeprefix('files/')}"}}


def _media(where: str, media_type: str, path: str) -> JsonObject:
    if where.startswith("data:"):
        head, comma, data = where.partition(",")
        kind, *marks = head.removeprefix("data:").split(";")
        if not comma or "base64" not in marks:
            raise _invalid(path, "expected a data: URL in base64, such as data:image/png;base64,…")
        return _inline(kind or media_type or "text/plain", data)
    if "://" in where:
        media_type = media_type or _type_of(where.partition("?")[0])
        stored = "/files/" in where and not media_type
        if not media_type and not stored:
            raise _invalid(path, "its type cannot be told; add media_type, such as image/png")
        uri: JsonObject = {"fileUri": where}
        return {"fileData": uri if stored else {"mimeType": media_type, **uri}}
    if not media_type:
        raise _invalid(path, "bare base64 needs a media_type, such as image/png, or a filename")
    return _inline(media_type, where)


def _inline(media_type: str, data: str) -> JsonObject:
    return {"inlineData": {"mimeType": media_type, "data": data}}


def _type_of(name: str) -> str:
    return _TYPES.get(name.rpartition(".")[2].lower(), "")


def _invalid(path: str, problem: str) -> ApiError:
    return ApiError(Kind.INVALID_VALUE, f"{path}: {problem}", param=path)
