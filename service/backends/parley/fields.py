"""What becomes of each field at another Parley: it gets the request as it is, and does the rest."""

from service.backends.fields import BY_THE_SERVICE, NAMES, Emulated, Fields, sent

PARLEY: Fields = {
    **sent(*NAMES),
    **{name: BY_THE_SERVICE[name] for name in ("memory_strategy", "functions", "function_call", "stream_options")},
    "inference_timeout": Emulated("the deadline of the call"),
}
"""What this service does before it chooses a vendor at all is not done twice."""
