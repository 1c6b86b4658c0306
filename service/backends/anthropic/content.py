"""Pieces of messages as Anthropic's content blocks."""

import base64
import binascii
import mimetypes
import re
from typing import assert_never

from parley.chat.v1.message_pb2 import ContentPart, File, ImageUrl
from parley.chat.v1.tool_pb2 import CacheControl

from service.codec import JsonObject, parse_object
from service.errors import ApiError, Kind

_DATA_URL = re.compile(r"data:([^;,]*)(?:;[^;,]*)*?;base64,", re.IGNORECASE)


def block_of(part: ContentPart, path: str) -> JsonObject | None:
    """The block of a piece; None for an empty text, which Anthropic refuses.

    ApiError, with the path, for what has no form there (https://platform.claude.com/docs/en/api/messages).
    """
    block: JsonObject
    match part.WhichOneof("part"):
        case "text" | "refusal" as kind:
            text: str = getattr(part, kind)
            if not text:
                return None
            block = {"type": "text", "text": text}
        case "image_url":
            block = _image_of_url(part.image_url, f"{path}.image_url")
        case "image_data":
            block = _image(part.image_data.media_type or "image/png", part.image_data.data)
        case "file":
            block = _document(part.file, f"{path}.file")
        case "other":
            block = parse_object(part.other)
        case "input_audio":
            raise ApiError(Kind.UNSUPPORTED, f"{path}: Claude hears no sound", param=path)
        case None:
            return None
        case never:
            assert_never(never)
    if part.extra_fields:
        # Such as citations and context of a document.
        block = {**parse_object(part.extra_fields), **block}
    if part.HasField("cache_control"):
        block["cache_control"] = cache_mark(part.cache_control)
    return block


def cache_mark(mark: CacheControl) -> JsonObject:
    """The mark up to which a prompt is cached."""
    extra = parse_object(mark.extra_fields) if mark.extra_fields else {}
    return {"type": mark.type, **({"ttl": mark.ttl} if mark.ttl else {}), **extra}


def _image_of_url(image: ImageUrl, path: str) -> JsonObject:
    url = image.url
    if url.startswith(("http://", "https://")):
        return {"type": "image", "source": {"type": "url", "url": url}}
    if found := _DATA_URL.match(url):
        return _image(image.media_type or found[1] or "image/png", url[found.end() :])
    if url.startswith("data:") or not image.media_type:
        problem = "expected an http(s) URL, a data: URL in base64, or base64 with media_type"
        raise ApiError(Kind.INVALID_VALUE, f"{path}.url: {problem}", param=f"{path}.url")
    return _image(image.media_type, url)


def _image(media_type: str, data: str) -> JsonObject:
    return {"type": "image", "source": {"type": "base64", "media_type": media_type, "data": data}}


def _document(file: File, path: str) -> JsonObject:
    title: JsonObject = {"title": file.filename} if file.filename else {}
    if file.file_id:
        return {"type": "document", "source": {"type": "file", "file_id": file.file_id}, **title}
    found = _DATA_URL.match(file.file_data)
    media_type = (found[1] if found else "") or mimetypes.guess_type(file.filename)[0] or "application/pdf"
    data = file.file_data[found.end() :] if found else file.file_data
    if media_type.startswith("image/"):
        return _image(media_type, data)
    if media_type == "application/pdf":
        return {"type": "document", "source": {"type": "base64", "media_type": media_type, "data": data}, **title}
    if media_type.startswith("text/"):
        try:
            text = base64.b64decode(data, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            problem = "expected UTF-8 text in base64"
            raise ApiError(Kind.INVALID_VALUE, f"{path}.file_data: {problem}", param=f"{path}.file_data") from None
        return {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": text}, **title}
    raise ApiError(Kind.UNSUPPORTED, f"{path}: Claude reads PDF, text and images, not {media_type}", param=path)
