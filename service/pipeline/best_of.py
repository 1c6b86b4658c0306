"""best_of: of many answers, those whose tokens the model thought likeliest."""

from parley.chat.v1.completion_pb2 import Choice, Completion, CompletionRequest

from service.errors import ApiError, Kind, Upstream


def ask_for_all(request: CompletionRequest) -> None:
    """Makes a request ask for all answers with their log probabilities, in place."""
    request.n = request.best_of
    request.logprobs = True
    request.ClearField("best_of")


def choose(completion: Completion, number: int, vendor: str, *, keep_logprobs: bool) -> None:
    """Leaves the `number` answers with the highest mean log probability per token, best first, in place.

    Usage goes on counting all of them. BAD_UPSTREAM where the vendor gave no log probabilities.
    """
    ranked = sorted(completion.choices, key=lambda choice: _mean(choice, vendor), reverse=True)[:number]
    best = [Choice() for _ in ranked]
    for index, (copy, choice) in enumerate(zip(best, ranked, strict=True)):
        copy.CopyFrom(choice)
        copy.index = index
        if not keep_logprobs:
            copy.ClearField("logprobs")
    del completion.choices[:]
    completion.choices.extend(best)


def _mean(choice: Choice, vendor: str) -> float:
    tokens = choice.logprobs.content or choice.logprobs.refusal
    if not tokens:
        problem = f"{vendor}: best_of needs log probabilities, and the answer has none"
        raise ApiError(Kind.BAD_UPSTREAM, problem, param="best_of", upstream=Upstream(vendor, status=200))
    return sum(token.logprob for token in tokens) / len(tokens)
