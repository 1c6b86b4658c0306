import pytest
from google.api.httpbody_pb2 import HttpBody
from hypothesis import given
from hypothesis import strategies as st

from service.faces import http_body

SIZES = (0, 1, 0x7F, 0x80, 0x3FFF, 0x4000, 0x1FFFFF, 0x200000)
"""On both sides of where the length takes a byte more."""


@pytest.mark.parametrize("size", SIZES)
def test_what_is_written_is_the_message(size: int) -> None:
    data = b"x" * size
    message = HttpBody.FromString(http_body.writer("text/event-stream")(data))
    assert message == HttpBody(content_type="text/event-stream", data=data)


@given(st.text(max_size=200), st.binary(max_size=300))
def test_it_is_written_as_protobuf_writes_it(content_type: str, data: bytes) -> None:
    message = HttpBody(content_type=content_type, data=data)
    written = http_body.writer(content_type)(data)
    assert HttpBody.FromString(written) == message
    assert not data or written == message.SerializeToString()
