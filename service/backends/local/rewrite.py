"""Fields that the engine wants said in another way: small changes of the body."""

from collections.abc import Callable

from parley.chat.v1.completion_pb2 import CompletionRequest

from service.backends.dialect import Target
from service.backends.local import tools
from service.backends.local.conversation import text_only
from service.backends.local.grammar import MARK, answer_rule, checked, grammar
from service.codec import JsonObject, parse_object
from service.errors import ApiError, Kind

_RANDOM_SEED = 2**32 - 1
_GUIDES = ("guided_json", "guided_regex", "guided_choice", "guided_grammar", "guided_whitespace_pattern")


def constraint(body: JsonObject, request: CompletionRequest, target: Target) -> None:
    """Tools, guides and response formats, of which the engine gets one grammar."""
    for name in ("tools", "tool_choice", "parallel_tool_calls", *_GUIDES):
        body.pop(name, None)
    answer, param = answer_rule(request)
    if request.guided_whitespace_pattern and "%json" not in answer:
        problem = "guided_whitespace_pattern: there is no JSON for it; send guided_json or a response_format"
        raise ApiError(Kind.UNSUPPORTED, problem, param="guided_whitespace_pattern")
    if answer:
        body.pop("response_format", None)
    if tools.offered(request):
        body["grammar"] = tools.tool_grammar(request)
    elif request.guided_grammar:
        lark = request.guided_grammar.startswith(MARK)
        body["grammar"] = checked(request.guided_grammar, "guided_grammar") if lark else request.guided_grammar
    elif answer:
        body["grammar"] = grammar(answer, param=param)


def tell_of_tools(body: JsonObject, request: CompletionRequest, target: Target) -> None:
    """The system message says what can be called."""
    if tools.offered(request):
        tools.tell(body, request)


def seed(body: JsonObject, request: CompletionRequest, target: Target) -> None:
    """A seed of 32 bits, of which the last value would mean a random one."""
    if request.HasField("seed"):
        body["seed"] = request.seed % _RANDOM_SEED


def alternatives(body: JsonObject, request: CompletionRequest, target: Target) -> None:
    """Log probabilities without alternatives: the engine gives 20 where none are named, and nothing at all for 0."""
    if request.logprobs and not request.top_logprobs:
        body["top_logprobs"] = 1


def generation_prompt(body: JsonObject, request: CompletionRequest, target: Target) -> None:
    """The template's variable that the engine takes from the body itself, and not from among the others."""
    if "add_generation_prompt" in request.chat_template_kwargs:
        given = parse_object(request.chat_template_kwargs).get("add_generation_prompt")
        if isinstance(given, bool):
            body["add_generation_prompt"] = given


def reported_stop(body: JsonObject, request: CompletionRequest, target: Target) -> None:
    """Has the engine report the sequence that it stopped at, which it leaves out of the text."""
    if body.pop("include_stop_str_in_output", None) and request.stop:
        body["verbose"] = True


CHAT: tuple[Callable[[JsonObject, CompletionRequest, Target], None], ...] = (
    text_only,
    tell_of_tools,
    constraint,
    seed,
    alternatives,
    generation_prompt,
    reported_stop,
)
"""For the engine's own template."""
