"""A whole answer as the one chunk that says all of it."""

from parley.chat.v1.completion_pb2 import Choice, ChunkChoice, Completion, CompletionChunk

from service.backends.framed import malformed


def as_chunk(completion: Completion, vendor: str) -> CompletionChunk:
    """The chunk. BAD_UPSTREAM where an answer has content that chunks have no form for."""
    chunk = CompletionChunk(
        id=completion.id,
        created=completion.created,
        model=completion.model,
        service_tier=completion.service_tier,
        system_fingerprint=completion.system_fingerprint,
        extra_fields=completion.extra_fields,
        choices=[_piece(choice, vendor) for choice in completion.choices],
    )
    if completion.HasField("usage"):
        chunk.usage.CopyFrom(completion.usage)
    return chunk


def _piece(choice: Choice, vendor: str) -> ChunkChoice:
    message = choice.message
    piece = ChunkChoice(
        finish_reason=choice.finish_reason,
        native_finish_reason=choice.native_finish_reason,
        extra_fields=choice.extra_fields,
    )
    if choice.HasField("index"):
        piece.index = choice.index
    if choice.HasField("logprobs"):
        piece.logprobs.CopyFrom(choice.logprobs)
    delta = piece.delta
    delta.role = message.role
    delta.extra_fields = message.extra_fields
    for part in message.content:
        if part.WhichOneof("part") != "text":
            raise malformed(vendor, f"content of the kind {part.WhichOneof('part')}")
    if message.content:
        delta.content = "".join(part.text for part in message.content)
    if message.HasField("refusal"):
        delta.refusal = message.refusal
    if message.HasField("reasoning_content"):
        delta.reasoning_content = message.reasoning_content
    delta.tool_calls.extend(message.tool_calls)
    delta.annotations.extend(message.annotations)
    if message.HasField("function_call"):
        delta.function_call.CopyFrom(message.function_call)
    if message.HasField("audio"):
        delta.audio.CopyFrom(message.audio)
    return piece
