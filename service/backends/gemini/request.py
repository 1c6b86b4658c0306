"""A request's body."""

from parley.chat.v1.completion_pb2 import CompletionRequest

from service.backends.dialect import Target
from service.backends.gemini.generation import generation_of
from service.backends.gemini.messages import contents_of, system_of
from service.backends.gemini.tools import choice_of, tools_of
from service.backends.merge import merge
from service.codec import JsonObject, parse_object


def body_of(request: CompletionRequest, target: Target) -> JsonObject:
    """The body, with what the caller adds to it."""
    body: JsonObject = {"contents": contents_of(request, target)}
    if system := system_of(request):
        body["systemInstruction"] = {"parts": system}
    if tools := tools_of(request):
        body["tools"] = tools
    if choice := choice_of(request):
        body["toolConfig"] = choice
    if generation := generation_of(request, target.model):
        body["generationConfig"] = generation
    if request.HasField("store"):
        body["store"] = request.store
    if request.inference_extra_params:
        extra = parse_object(request.inference_extra_params.encode())
        # Both stand in the path, and are the router's and the caller's other choice.
        extra.pop("model", None)
        extra.pop("stream", None)
        merge(body, extra)
    return body
