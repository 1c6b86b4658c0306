"""Decodes Cohere's answers, streamed and whole."""

from parley.chat.v1.completion_pb2 import CompletionChunk

from service.backends.analogy import Analogy
from service.backends.cohere.answer import Answer
from service.backends.cohere.whole import events_of
from service.backends.framed import EventDecoder, ObjectDecoder
from service.codec import JsonObject, parse_object


def event_decoder(vendor: str, *, analogy: bool = True) -> EventDecoder:
    """A decoder of server-sent events that end with `message-end`."""
    answer = Answer(vendor)
    by = Analogy(lambda data: answer.like(parse_object(data))) if analogy else None
    return EventDecoder(vendor, lambda data: answer.event(parse_object(data)), lambda: answer.done, analogy=by)


def object_decoder(vendor: str) -> ObjectDecoder:
    """A decoder of one whole JSON answer, as if it had come in events."""
    answer = Answer(vendor)

    def read(whole: JsonObject) -> list[CompletionChunk]:
        return [chunk for event in events_of(whole) if (chunk := answer.event(event))]

    return ObjectDecoder(vendor, read)
