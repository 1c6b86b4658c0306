from google.api import annotations_pb2 as _annotations_pb2
from google.api import field_behavior_pb2 as _field_behavior_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ListModelsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListModelsResponse(_message.Message):
    __slots__ = ("object", "data")
    OBJECT_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    object: str
    data: _containers.RepeatedCompositeFieldContainer[Model]
    def __init__(self, object: _Optional[str] = ..., data: _Optional[_Iterable[_Union[Model, _Mapping]]] = ...) -> None: ...

class GetModelRequest(_message.Message):
    __slots__ = ("model",)
    MODEL_FIELD_NUMBER: _ClassVar[int]
    model: str
    def __init__(self, model: _Optional[str] = ...) -> None: ...

class Model(_message.Message):
    __slots__ = ("id", "object", "created", "owned_by")
    ID_FIELD_NUMBER: _ClassVar[int]
    OBJECT_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    OWNED_BY_FIELD_NUMBER: _ClassVar[int]
    id: str
    object: str
    created: int
    owned_by: str
    def __init__(self, id: _Optional[str] = ..., object: _Optional[str] = ..., created: _Optional[int] = ..., owned_by: _Optional[str] = ...) -> None: ...

class ListModelDefinitionsRequest(_message.Message):
    __slots__ = ("limit", "starting_after", "ending_before", "sort_by", "sort_order", "model_vendor")
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    STARTING_AFTER_FIELD_NUMBER: _ClassVar[int]
    ENDING_BEFORE_FIELD_NUMBER: _ClassVar[int]
    SORT_BY_FIELD_NUMBER: _ClassVar[int]
    SORT_ORDER_FIELD_NUMBER: _ClassVar[int]
    MODEL_VENDOR_FIELD_NUMBER: _ClassVar[int]
    limit: int
    starting_after: str
    ending_before: str
    sort_by: str
    sort_order: str
    model_vendor: str
    def __init__(self, limit: _Optional[int] = ..., starting_after: _Optional[str] = ..., ending_before: _Optional[str] = ..., sort_by: _Optional[str] = ..., sort_order: _Optional[str] = ..., model_vendor: _Optional[str] = ...) -> None: ...

class ListModelDefinitionsResponse(_message.Message):
    __slots__ = ("object", "items", "has_more")
    OBJECT_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    HAS_MORE_FIELD_NUMBER: _ClassVar[int]
    object: str
    items: _containers.RepeatedCompositeFieldContainer[ModelDefinition]
    has_more: bool
    def __init__(self, object: _Optional[str] = ..., items: _Optional[_Iterable[_Union[ModelDefinition, _Mapping]]] = ..., has_more: _Optional[bool] = ...) -> None: ...

class ModelDefinition(_message.Message):
    __slots__ = ("model_name", "model_type", "model_vendor", "model_availability")
    MODEL_NAME_FIELD_NUMBER: _ClassVar[int]
    MODEL_TYPE_FIELD_NUMBER: _ClassVar[int]
    MODEL_VENDOR_FIELD_NUMBER: _ClassVar[int]
    MODEL_AVAILABILITY_FIELD_NUMBER: _ClassVar[int]
    model_name: str
    model_type: str
    model_vendor: str
    model_availability: str
    def __init__(self, model_name: _Optional[str] = ..., model_type: _Optional[str] = ..., model_vendor: _Optional[str] = ..., model_availability: _Optional[str] = ...) -> None: ...
