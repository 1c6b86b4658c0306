"""Decodes answers of vendors that speak Gemini's generateContent, streamed and whole."""

from parley.chat.v1.completion_pb2 import CompletionChunk

from service.backends.framed import EventDecoder, ObjectDecoder, malformed
from service.backends.gemini.answer import Answer
from service.codec import JsonObject, parse_object


def event_decoder(vendor: str, *, quoted: bool) -> EventDecoder:
    """A decoder of server-sent events, which end with the connection once every candidate has its finish reason."""
    answer = Answer(vendor, quoted)
    return EventDecoder(
        vendor,
        lambda data: answer.take(parse_object(data)),
        # Reports of usage may follow the last finish reason.
        ended=lambda: False,
        complete=lambda: answer.complete,
        failure=lambda: answer.failure,
    )


def object_decoder(vendor: str, *, quoted: bool) -> ObjectDecoder:
    """A decoder of one whole JSON answer, into the one chunk that says all of it."""
    answer = Answer(vendor, quoted)

    def read(whole: JsonObject) -> list[CompletionChunk]:
        chunk = answer.take(whole)
        if answer.failure is not None:
            raise answer.failure
        if not answer.complete:
            raise malformed(vendor, "no candidate, or one without a finish reason")
        return [chunk]

    return ObjectDecoder(vendor, read)
