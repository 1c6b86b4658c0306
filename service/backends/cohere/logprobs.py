"""Cohere's log probabilities, which stand by pieces of text, as OpenAI's, which stand by tokens."""

from parley.chat.v1.completion_pb2 import Logprobs, TokenLogprob

from service.codec import JsonValue, dumps


def logprobs_of(item: JsonValue) -> Logprobs | None:
    """The tokens of one piece of text.

    Where a piece has several tokens, its whole text stands by the first, as nobody says where they part. The tokens'
    numbers in the model's vocabulary stay as the member `token_id`.
    """
    if not isinstance(item, dict):
        return None
    values, ids, text = item.get("logprobs"), item.get("token_ids"), item.get("text")
    if not isinstance(values, list):
        return None
    tokens: list[TokenLogprob] = []
    for at, value in enumerate(values):
        token = TokenLogprob(token=text if at == 0 and isinstance(text, str) else "")
        if isinstance(value, int | float):
            token.logprob = value
        token.bytes = token.token.encode()
        if isinstance(ids, list) and at < len(ids):
            token.extra_fields = dumps({"token_id": ids[at]}).decode()
        tokens.append(token)
    return Logprobs(content=tokens)
