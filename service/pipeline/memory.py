"""memory_strategy last_k: sends the end of a conversation, without tearing what belongs together."""

from parley.chat.v1.completion_pb2 import CompletionRequest
from parley.chat.v1.message_pb2 import Message

_ALWAYS = frozenset(("system", "developer"))
_RESULTS = frozenset(("tool", "function"))


def keep_last(request: CompletionRequest, k: int) -> int:
    """Leaves the last `k` messages of a request, in place, and gives the number that was left out.

    System and developer messages are all kept and do not count. An assistant message that calls tools and the
    results of its calls stand or go together; where the cut falls among them they stand, so that more than `k`
    messages may be kept.
    """
    kept: set[int] = set()
    for exchange in reversed(_exchanges(request)):
        if len(kept) >= k:
            break
        kept.update(exchange)
    # Copies, because clearing the list frees what stands in it.
    copies = [_copy(message) for at, message in enumerate(request.messages) if at in kept or message.role in _ALWAYS]
    left_out = len(request.messages) - len(copies)
    if left_out:
        del request.messages[:]
        request.messages.extend(copies)
    return left_out


def _exchanges(request: CompletionRequest) -> list[list[int]]:
    """Positions of the messages that count, those that belong together in one list."""
    exchanges: list[list[int]] = []
    for at, message in enumerate(request.messages):
        if message.role in _ALWAYS:
            continue
        if message.role in _RESULTS and exchanges and _calls(request.messages[exchanges[-1][0]]):
            exchanges[-1].append(at)
        else:
            exchanges.append([at])
    return exchanges


def _calls(message: Message) -> bool:
    return bool(message.tool_calls) or message.HasField("function_call")


def _copy(message: Message) -> Message:
    copy = Message()
    copy.CopyFrom(message)
    return copy
