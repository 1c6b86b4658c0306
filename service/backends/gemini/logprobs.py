"""Log probabilities (https://ai.google.dev/api/generate-content#LogprobsResult)."""

from itertools import zip_longest

from parley.chat.v1.completion_pb2 import Logprobs, TokenLogprob, TopLogprob

from service.backends.gemini.wire import number_of, objects_of, text_of
from service.codec import JsonObject


def logprobs_of(result: JsonObject) -> Logprobs:
    """The chosen tokens, each with the likeliest at its place."""
    logprobs = Logprobs()
    tops = objects_of(result, "topCandidates")
    for chosen, top in zip_longest(objects_of(result, "chosenCandidates"), tops):
        if chosen is not None:
            token = logprobs.content.add()
            _fill(token, chosen)
            for each in objects_of(top or {}, "candidates"):
                _fill(token.top_logprobs.add(), each)
    return logprobs


def _fill(token: TokenLogprob | TopLogprob, candidate: JsonObject) -> None:
    token.token = text_of(candidate, "token")
    token.bytes = token.token.encode()
    token.logprob = number_of(candidate, "logProbability")
