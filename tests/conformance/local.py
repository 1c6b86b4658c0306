"""The embedded model's engine, llama.cpp's server, which answers in OpenAI's form."""

import dataclasses

from service.backends.vendors import DIALECTS
from tests.conformance.openai import OPENAI
from tests.conformance.scenario import Skip

LOCAL = dataclasses.replace(
    OPENAI,
    target=dataclasses.replace(OPENAI.target, vendor="local", dialect=DIALECTS["local"]),
    finish_filter=Skip("it filters nothing (https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md)"),
)
