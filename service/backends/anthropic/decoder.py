"""Decodes answers of Anthropic's Messages API, streamed and whole."""

from parley.chat.v1.completion_pb2 import CompletionChunk

from service.backends.analogy import Analogy
from service.backends.anthropic.answer import Answer
from service.backends.anthropic.error import error_of
from service.backends.framed import EventDecoder, ObjectDecoder, malformed
from service.codec import JsonObject, parse_object


def event_decoder(vendor: str, *, keeps_stop: bool, analogy: bool = True) -> EventDecoder:
    """A decoder of server-sent events that end with `message_stop`."""
    answer = Answer(vendor, keeps_stop)
    by = Analogy(lambda data: answer.like(parse_object(data))) if analogy else None
    return EventDecoder(vendor, lambda data: answer.event(parse_object(data)), lambda: answer.done, analogy=by)


def object_decoder(vendor: str, *, keeps_stop: bool) -> ObjectDecoder:
    """A decoder of one whole JSON answer, as if its blocks had come one by one."""
    answer = Answer(vendor, keeps_stop)

    def read(message: JsonObject) -> list[CompletionChunk]:
        if message.get("type") == "error" or "error" in message:
            raise error_of(vendor, 200, {}, message)
        blocks = message.get("content")
        if not isinstance(blocks, list):
            raise malformed(vendor, "content: expected a list")
        chunks: list[CompletionChunk | None] = [answer.start(message)]
        for index, block in enumerate(blocks):
            if not isinstance(block, dict):
                raise malformed(vendor, f"content[{index}]: expected an object")
            chunks += (answer.open(index, block), answer.close(index))
        return [chunk for chunk in (*chunks, answer.end()) if chunk]

    return ObjectDecoder(vendor, read)
