"""Finds the deployments of `vendor/model_name[/deployment]`."""

import difflib
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Optional

from service.errors import ApiError, Kind
from service.routing.pool import Pool
from service.routing.table import ModelRoute

_ROUTES_KEPT = 1000


@dataclass(frozen=True, slots=True)
class Route:
    """Where one request may go."""

    name: str
    """The model's name, without the deployment."""
    pool: Pool
    deployment: str = ""
    """The one that the caller picked; empty: any."""
    wildcard: str = ""
    """The entry of the configuration that stands for the model among others; empty where it has its own."""
    configured: str = field(init=False)
    """The name of its entry in the configuration: of these there are few, whatever callers ask for."""
    total_timeout: float = field(init=False)
    """Seconds that a request may take in all."""

    def __post_init__(self) -> None:
        # Found out once, because a route serves many requests.
        object.__setattr__(self, "configured", self.wildcard or self.name)
        object.__setattr__(self, "total_timeout", self.pool.total_timeout)


class Router:
    """The models that may be named, and the state of their deployments in this worker. Belongs to one event loop."""

    def __init__(
        self,
        models: Mapping[str, ModelRoute],
        *,
        clock: Callable[[], float] = time.monotonic,
        rng: random.Random | None = None,
        previous: Optional["Router"] = None,
    ) -> None:
        """:param previous: the router under the configuration before, whose state goes on where deployments stay."""
        rng = rng or random.Random()  # noqa: S311  # shares out load, protects nothing
        self.rng = rng
        before = previous.pools if previous else dict[str, Pool]()
        self._pools = {
            name: Pool(route, clock=clock, rng=rng, previous=before.get(name)) for name, route in models.items()
        }
        self._routes: dict[str, Route] = {}
        """Those that were asked for, by name."""
        self._wildcards = sorted((name[:-1] for name in models if name.endswith("*")), key=len, reverse=True)

    def route(self, name: str) -> Route:
        """The deployments that a request for a model may go to; MODEL_NOT_FOUND, with near names, for none."""
        route = self._routes.get(name)
        if route is None:
            route = self._find(name)
            if len(self._routes) >= _ROUTES_KEPT:
                # Callers may ask a wildcard for names without end.
                self._routes.clear()
            self._routes[name] = route
        return route

    def _find(self, name: str) -> Route:
        if pool := self._pools.get(name):
            return Route(name, pool)
        stem, _, last = name.rpartition("/")
        if (pool := self._pools.get(stem)) and pool.route.has(last):
            return Route(stem, pool, last)
        for prefix in self._wildcards:
            if name.startswith(prefix) and len(name) > len(prefix):
                return Route(name, self._pools[prefix + "*"], wildcard=prefix + "*")
        raise self._unknown(name)

    @property
    def pools(self) -> Mapping[str, Pool]:
        """The models' deployments, by the models' names as the configuration writes them."""
        return self._pools

    def names(self) -> list[str]:
        """The names of the models, sorted; `vendor/*` where any name goes to the vendor."""
        return sorted(self._pools)

    def _unknown(self, name: str) -> ApiError:
        if not name:
            return ApiError(Kind.INVALID_VALUE, "model: required, such as vendor/model_name", param="model")
        known = [name for name in self.names() if not name.endswith("*")]
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.5) or known[:3]
        hint = f"; near it: {', '.join(near)}" if near else ""
        return ApiError(
            Kind.MODEL_NOT_FOUND, f"model: no model {name!r} here{hint}. GET /v1/models lists them all", param="model"
        )
