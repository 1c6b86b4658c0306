"""Where parley.yaml asks for every event to be decoded, no decoder reads by analogy."""

import pytest
from parley.chat.v1.completion_pb2 import CompletionRequest

from service.backends.framed import EventDecoder
from service.config.load import parse
from service.routing.table import build

VENDORS = """
keys: []
vendors:
  a: {dialect: openai, base_url: "http://a"}
  b: {dialect: anthropic, base_url: "http://b"}
  c: {dialect: cohere, base_url: "http://c"}
  d: {dialect: vllm, base_url: "http://d", vllm_version: "0.12"}
models: {a/m: {}, b/m: {}, c/m: {}, d/m: {}, local/m: {}}
"""


@pytest.mark.parametrize(("setting", "expected"), [("", True), ("decode_every_event: true", False)])
@pytest.mark.parametrize("name", ["a/m", "b/m", "c/m", "d/m", "local/m"])
def test_the_setting_reaches_the_decoder(name: str, setting: str, expected: bool) -> None:
    (target,) = build(parse(VENDORS + setting))[name].targets
    decoder = target.dialect.decoder(CompletionRequest(), target, stream=True, content_type="text/event-stream")
    events = getattr(decoder, "inner", decoder)
    assert isinstance(events, EventDecoder)
    assert (events.analogy is not None) == expected
