"""The JSON form of the contract's messages, both ways: the one place that knows what json.proto's options mean."""

from service.codec.decode import decoder
from service.codec.encode import encoder, to_object
from service.codec.error import DecodeError
from service.codec.free import validate_raw_json
from service.codec.text import JsonObject, JsonValue, dumps, parse_object, parse_value

__all__ = [
    "DecodeError",
    "JsonObject",
    "JsonValue",
    "decoder",
    "dumps",
    "encoder",
    "parse_object",
    "parse_value",
    "to_object",
    "validate_raw_json",
]
