"""Log probabilities (https://ai.google.dev/api/generate-content#LogprobsResult)."""

from itertools import zip_longest

from parley.chat.v1.completion_pb2 import Logprobs, TokenLogprob

from service.backends.gemini.wire import number_of, objects_of, text_of
from service.codec import JsonObject


def logprobs_of(result: JsonObject) -> Logprobs:
    """The chosen tokens, each with the likeliest at its place."""
    logprobs = Logprobs()
    tops = objects_of(result, "topCandidates")
    for chosen, top in zip_longest(objects_of(result, "chosenCandidates"), tops):
        if chosen is not None:
            token = _token(chosen)
            token.top_logprobs.extend(_token(each) for each in objects_of(top or {}, "candidates"))
            logprobs.content.append(token)
    return logprobs


def _token(candidate: JsonObject) -> TokenLogprob:
    text = text_of(candidate, "token")
    return TokenLogprob(token=text, logprob=number_of(candidate, "logProbability"), bytes=text.encode())
