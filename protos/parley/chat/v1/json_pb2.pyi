from google.protobuf import descriptor_pb2 as _descriptor_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RawJson(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RAW_JSON_UNSPECIFIED: _ClassVar[RawJson]
    RAW_JSON_VALUE: _ClassVar[RawJson]
    RAW_JSON_OBJECT: _ClassVar[RawJson]
    RAW_JSON_OBJECT_OR_TEXT: _ClassVar[RawJson]
    RAW_JSON_UNKNOWN_MEMBERS: _ClassVar[RawJson]
    RAW_JSON_UNKNOWN_VARIANT: _ClassVar[RawJson]
RAW_JSON_UNSPECIFIED: RawJson
RAW_JSON_VALUE: RawJson
RAW_JSON_OBJECT: RawJson
RAW_JSON_OBJECT_OR_TEXT: RawJson
RAW_JSON_UNKNOWN_MEMBERS: RawJson
RAW_JSON_UNKNOWN_VARIANT: RawJson
JSON_FIELD_NUMBER: _ClassVar[int]
json: _descriptor.FieldDescriptor
JSON_MESSAGE_FIELD_NUMBER: _ClassVar[int]
json_message: _descriptor.FieldDescriptor

class JsonField(_message.Message):
    __slots__ = ("raw", "one_or_many", "single_as_scalar", "number_or_string", "null_when_absent", "empty_when_absent", "aliases")
    RAW_FIELD_NUMBER: _ClassVar[int]
    ONE_OR_MANY_FIELD_NUMBER: _ClassVar[int]
    SINGLE_AS_SCALAR_FIELD_NUMBER: _ClassVar[int]
    NUMBER_OR_STRING_FIELD_NUMBER: _ClassVar[int]
    NULL_WHEN_ABSENT_FIELD_NUMBER: _ClassVar[int]
    EMPTY_WHEN_ABSENT_FIELD_NUMBER: _ClassVar[int]
    ALIASES_FIELD_NUMBER: _ClassVar[int]
    raw: RawJson
    one_or_many: bool
    single_as_scalar: bool
    number_or_string: bool
    null_when_absent: bool
    empty_when_absent: bool
    aliases: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, raw: _Optional[_Union[RawJson, str]] = ..., one_or_many: _Optional[bool] = ..., single_as_scalar: _Optional[bool] = ..., number_or_string: _Optional[bool] = ..., null_when_absent: _Optional[bool] = ..., empty_when_absent: _Optional[bool] = ..., aliases: _Optional[_Iterable[str]] = ...) -> None: ...

class JsonMessage(_message.Message):
    __slots__ = ("tag", "scalar", "also_in")
    TAG_FIELD_NUMBER: _ClassVar[int]
    SCALAR_FIELD_NUMBER: _ClassVar[int]
    ALSO_IN_FIELD_NUMBER: _ClassVar[int]
    tag: str
    scalar: str
    also_in: str
    def __init__(self, tag: _Optional[str] = ..., scalar: _Optional[str] = ..., also_in: _Optional[str] = ...) -> None: ...
