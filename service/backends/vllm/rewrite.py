"""What vLLM wants said in another way than OpenAI."""

from collections.abc import Mapping
from types import MappingProxyType

from parley.chat.v1.completion_pb2 import CompletionRequest

from service.backends.dialect import Target
from service.backends.openai.rewrite import Rewrite, image_data_as_url
from service.backends.vllm.version import STRUCTURED_OUTPUTS, version_of
from service.codec import JsonObject, JsonValue
from service.errors import ApiError, Kind

CONSTRAINTS: Mapping[str, str] = MappingProxyType(
    {"guided_json": "json", "guided_regex": "regex", "guided_choice": "choice", "guided_grammar": "grammar"}
)
"""Members of `structured_outputs` by the field that vLLM had for them before."""

_NO_PARAMETERS: JsonObject = {"type": "object", "properties": {}}


def structured_outputs(body: JsonObject, request: CompletionRequest, target: Target) -> None:
    """guided_* as `structured_outputs` where the server has it: it would ignore the old name without a word."""
    for field, member in CONSTRAINTS.items():
        if field not in body or version_of(target, field) < STRUCTURED_OUTPUTS:
            continue
        # A caller may say more of the constraint, in a member that only vLLM has.
        said = body.setdefault("structured_outputs", {})
        if not isinstance(said, dict) or member in said:
            problem = f"{field}: cannot stand together with structured_outputs that say the same"
            raise ApiError(Kind.INVALID_VALUE, problem, param=field)
        said[member] = body.pop(field)


def strict_calls(body: JsonObject, request: CompletionRequest, target: Target) -> None:
    """Holds the arguments of a call that must be made to their schema, where the caller left that open.

    vLLM forces such a call, but leaves its arguments free unless the tool is strict: a text or a number may come where
    every caller expects an object.
    """
    choice = request.tool_choice
    if choice.mode != "required" and not choice.HasField("function"):
        return
    tools = body.get("tools")
    for tool in tools if isinstance(tools, list) else ():
        function: JsonValue = tool.get("function") if isinstance(tool, dict) else None
        if isinstance(function, dict) and "strict" not in function:
            function["strict"] = True
            function.setdefault("parameters", _NO_PARAMETERS)


REWRITES: tuple[Rewrite, ...] = (image_data_as_url, structured_outputs, strict_calls)
"""All of them, in their order."""
