"""Has Envoy answer browsers' preflights, and say which pages may read its answers."""

import re
from collections.abc import Sequence
from typing import cast

_TYPE = "type.googleapis.com/envoy.extensions.filters.http.cors.v3"
_FILTER = "envoy.filters.http.cors"
_MAX_AGE_S = 7200
"""For how long a browser keeps what a preflight said; Chromium keeps it no longer."""

Node = dict[str, object]

_PREFLIGHT: Node = {
    "name": "preflight",
    "match": {
        "prefix": "/",
        "headers": [
            {"name": ":method", "string_match": {"exact": "OPTIONS"}},
            {"name": "origin", "present_match": True},
            {"name": "access-control-request-method", "present_match": True},
        ],
    },
    # The filter answers each of them; where a route answers itself, it does not.
    "route": {"cluster": "workers"},
}


def add_cors(manager: Node, origins: Sequence[str]) -> None:
    """Adds it to the settings of an HTTP connection manager.

    :param origins: such as `https://app.example.com`; `*` stands for any, and `https://*.example.com` for any below.
    """
    filters = cast("list[object]", manager["http_filters"])
    # First, so that it sees errors of all the others too.
    filters.insert(0, {"name": _FILTER, "typed_config": {"@type": f"{_TYPE}.Cors"}})
    policy: Node = {
        "@type": f"{_TYPE}.CorsPolicy",
        "allow_origin_string_match": [_matcher(origin) for origin in origins],
        "allow_methods": "GET, POST",
        # The asterisk means all but authorization, and all only without cookies, which nothing here reads.
        "allow_headers": "authorization, *",
        "expose_headers": "*",
        "max_age": str(_MAX_AGE_S),
        "forward_not_matching_preflights": False,
    }
    routes = cast("Node", manager["route_config"])
    for host in cast("list[Node]", routes["virtual_hosts"]):
        host["typed_per_filter_config"] = {_FILTER: policy}
        cast("list[object]", host["routes"]).insert(0, _PREFLIGHT)


def _matcher(origin: str) -> Node:
    if "*" not in origin:
        return {"exact": origin}
    return {"safe_regex": {"regex": re.escape(origin).replace(r"\*", "[^/]+")}}
