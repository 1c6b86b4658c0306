from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from parley.chat.v1.completion_pb2 import CompletionRequest
from parley.chat.v1.message_pb2 import ContentPart, Message
from parley.chat.v1.tool_pb2 import ToolCall

from service.pipeline.conversation import check_conversation
from service.pipeline.memory import keep_last


def turn(role: str, number: int) -> list[Message]:
    return [Message(role=role, content=[ContentPart(text=str(number))])]


@st.composite
def conversations(draw: Any) -> CompletionRequest:
    """Sound conversations: every call is answered, results may come in any order and have a system message between."""
    messages: list[Message] = []
    number = 0
    for kind in draw(st.lists(st.sampled_from(["user", "assistant", "system", "developer", "tools"]), max_size=12)):
        number += 1
        if kind != "tools":
            messages += turn(kind, number)
            continue
        ids = [f"c{number}_{i}" for i in range(draw(st.integers(1, 3)))]
        calls = [ToolCall(id=id_, type="function") for id_ in ids]
        for call in calls:
            call.function.name = "f"
        messages.append(Message(role="assistant", tool_calls=calls, content=[ContentPart(text=str(number))]))
        for id_ in draw(st.permutations(ids)):
            if draw(st.booleans()):
                messages += turn("system", number)
            messages.append(Message(role="tool", tool_call_id=id_, content=[ContentPart(text=id_)]))
    return CompletionRequest(model="v/m", messages=messages or turn("user", 0))


ALWAYS = {"system", "developer"}


@given(conversations(), st.integers(1, 15))
def test_nothing_that_belongs_together_is_torn(request: CompletionRequest, k: int) -> None:
    before = list(request.messages)
    copy = CompletionRequest()
    copy.CopyFrom(request)
    left_out = keep_last(copy, k)
    after = list(copy.messages)
    assert len(before) - len(after) == left_out
    # No result without its call, and nothing that was sound is unsound now.
    if after:
        check_conversation(copy, set())
    # Every call that is kept has kept all its results.
    answered = {message.tool_call_id for message in after}
    assert all(call.id in answered for message in after for call in message.tool_calls)
    # System and developer messages are all there, and what is kept is the end, in order.
    assert [m for m in before if m.role in ALWAYS] == [m for m in after if m.role in ALWAYS]
    kept = [m for m in after if m.role not in ALWAYS]
    counted = [m for m in before if m.role not in ALWAYS]
    assert kept == counted[len(counted) - len(kept) :]
    # At least k where there are as many, and no more than the one exchange at the cut needs.
    assert len(kept) >= min(k, len(counted))
    assert len(kept) <= k + 3 or len(kept) == len(counted)


def test_the_last_k_are_kept() -> None:
    messages = [*turn("system", 0), *turn("user", 1), *turn("assistant", 2), *turn("user", 3)]
    request = CompletionRequest(messages=messages)
    assert keep_last(request, 2) == 1
    assert [m.content[0].text for m in request.messages] == ["0", "2", "3"]
