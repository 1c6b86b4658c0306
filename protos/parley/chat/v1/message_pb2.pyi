from google.api import field_behavior_pb2 as _field_behavior_pb2
from parley.chat.v1 import json_pb2 as _json_pb2
from parley.chat.v1 import tool_pb2 as _tool_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Message(_message.Message):
    __slots__ = ("role", "content", "refusal", "name", "tool_calls", "tool_call_id", "function_call", "audio", "reasoning_content", "annotations", "cache_control", "extra_fields")
    ROLE_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    TOOL_CALLS_FIELD_NUMBER: _ClassVar[int]
    TOOL_CALL_ID_FIELD_NUMBER: _ClassVar[int]
    FUNCTION_CALL_FIELD_NUMBER: _ClassVar[int]
    AUDIO_FIELD_NUMBER: _ClassVar[int]
    REASONING_CONTENT_FIELD_NUMBER: _ClassVar[int]
    ANNOTATIONS_FIELD_NUMBER: _ClassVar[int]
    CACHE_CONTROL_FIELD_NUMBER: _ClassVar[int]
    EXTRA_FIELDS_FIELD_NUMBER: _ClassVar[int]
    role: str
    content: _containers.RepeatedCompositeFieldContainer[ContentPart]
    refusal: str
    name: str
    tool_calls: _containers.RepeatedCompositeFieldContainer[_tool_pb2.ToolCall]
    tool_call_id: str
    function_call: _tool_pb2.FunctionCall
    audio: MessageAudio
    reasoning_content: str
    annotations: _containers.RepeatedCompositeFieldContainer[Annotation]
    cache_control: _tool_pb2.CacheControl
    extra_fields: str
    def __init__(self, role: _Optional[str] = ..., content: _Optional[_Iterable[_Union[ContentPart, _Mapping]]] = ..., refusal: _Optional[str] = ..., name: _Optional[str] = ..., tool_calls: _Optional[_Iterable[_Union[_tool_pb2.ToolCall, _Mapping]]] = ..., tool_call_id: _Optional[str] = ..., function_call: _Optional[_Union[_tool_pb2.FunctionCall, _Mapping]] = ..., audio: _Optional[_Union[MessageAudio, _Mapping]] = ..., reasoning_content: _Optional[str] = ..., annotations: _Optional[_Iterable[_Union[Annotation, _Mapping]]] = ..., cache_control: _Optional[_Union[_tool_pb2.CacheControl, _Mapping]] = ..., extra_fields: _Optional[str] = ...) -> None: ...

class ContentPart(_message.Message):
    __slots__ = ("text", "refusal", "image_url", "image_data", "input_audio", "file", "other", "cache_control", "extra_fields")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    IMAGE_URL_FIELD_NUMBER: _ClassVar[int]
    IMAGE_DATA_FIELD_NUMBER: _ClassVar[int]
    INPUT_AUDIO_FIELD_NUMBER: _ClassVar[int]
    FILE_FIELD_NUMBER: _ClassVar[int]
    OTHER_FIELD_NUMBER: _ClassVar[int]
    CACHE_CONTROL_FIELD_NUMBER: _ClassVar[int]
    EXTRA_FIELDS_FIELD_NUMBER: _ClassVar[int]
    text: str
    refusal: str
    image_url: ImageUrl
    image_data: ImageData
    input_audio: InputAudio
    file: File
    other: str
    cache_control: _tool_pb2.CacheControl
    extra_fields: str
    def __init__(self, text: _Optional[str] = ..., refusal: _Optional[str] = ..., image_url: _Optional[_Union[ImageUrl, _Mapping]] = ..., image_data: _Optional[_Union[ImageData, _Mapping]] = ..., input_audio: _Optional[_Union[InputAudio, _Mapping]] = ..., file: _Optional[_Union[File, _Mapping]] = ..., other: _Optional[str] = ..., cache_control: _Optional[_Union[_tool_pb2.CacheControl, _Mapping]] = ..., extra_fields: _Optional[str] = ...) -> None: ...

class ImageUrl(_message.Message):
    __slots__ = ("url", "detail", "media_type", "extra_fields")
    URL_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    MEDIA_TYPE_FIELD_NUMBER: _ClassVar[int]
    EXTRA_FIELDS_FIELD_NUMBER: _ClassVar[int]
    url: str
    detail: str
    media_type: str
    extra_fields: str
    def __init__(self, url: _Optional[str] = ..., detail: _Optional[str] = ..., media_type: _Optional[str] = ..., extra_fields: _Optional[str] = ...) -> None: ...

class ImageData(_message.Message):
    __slots__ = ("data", "media_type", "extra_fields")
    DATA_FIELD_NUMBER: _ClassVar[int]
    MEDIA_TYPE_FIELD_NUMBER: _ClassVar[int]
    EXTRA_FIELDS_FIELD_NUMBER: _ClassVar[int]
    data: str
    media_type: str
    extra_fields: str
    def __init__(self, data: _Optional[str] = ..., media_type: _Optional[str] = ..., extra_fields: _Optional[str] = ...) -> None: ...

class InputAudio(_message.Message):
    __slots__ = ("data", "format", "extra_fields")
    DATA_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    EXTRA_FIELDS_FIELD_NUMBER: _ClassVar[int]
    data: str
    format: str
    extra_fields: str
    def __init__(self, data: _Optional[str] = ..., format: _Optional[str] = ..., extra_fields: _Optional[str] = ...) -> None: ...

class File(_message.Message):
    __slots__ = ("file_id", "filename", "file_data", "extra_fields")
    FILE_ID_FIELD_NUMBER: _ClassVar[int]
    FILENAME_FIELD_NUMBER: _ClassVar[int]
    FILE_DATA_FIELD_NUMBER: _ClassVar[int]
    EXTRA_FIELDS_FIELD_NUMBER: _ClassVar[int]
    file_id: str
    filename: str
    file_data: str
    extra_fields: str
    def __init__(self, file_id: _Optional[str] = ..., filename: _Optional[str] = ..., file_data: _Optional[str] = ..., extra_fields: _Optional[str] = ...) -> None: ...

class MessageAudio(_message.Message):
    __slots__ = ("id", "data", "expires_at", "transcript")
    ID_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    TRANSCRIPT_FIELD_NUMBER: _ClassVar[int]
    id: str
    data: str
    expires_at: int
    transcript: str
    def __init__(self, id: _Optional[str] = ..., data: _Optional[str] = ..., expires_at: _Optional[int] = ..., transcript: _Optional[str] = ...) -> None: ...

class Annotation(_message.Message):
    __slots__ = ("type", "url_citation", "extra_fields")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    URL_CITATION_FIELD_NUMBER: _ClassVar[int]
    EXTRA_FIELDS_FIELD_NUMBER: _ClassVar[int]
    type: str
    url_citation: UrlCitation
    extra_fields: str
    def __init__(self, type: _Optional[str] = ..., url_citation: _Optional[_Union[UrlCitation, _Mapping]] = ..., extra_fields: _Optional[str] = ...) -> None: ...

class UrlCitation(_message.Message):
    __slots__ = ("start_index", "end_index", "title", "url", "extra_fields")
    START_INDEX_FIELD_NUMBER: _ClassVar[int]
    END_INDEX_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    URL_FIELD_NUMBER: _ClassVar[int]
    EXTRA_FIELDS_FIELD_NUMBER: _ClassVar[int]
    start_index: int
    end_index: int
    title: str
    url: str
    extra_fields: str
    def __init__(self, start_index: _Optional[int] = ..., end_index: _Optional[int] = ..., title: _Optional[str] = ..., url: _Optional[str] = ..., extra_fields: _Optional[str] = ...) -> None: ...
