"""Finds the deployments of `vendor/model_name[/deployment]`."""

import difflib
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Optional, Protocol

from service.auth.keys import ANYONE
from service.config.names import is_own
from service.errors import ApiError, Kind, bounds
from service.routing.pool import Pool
from service.routing.table import ModelRoute

_ROUTES_KEPT = 1000

OWN = "parley"
"""Whose the models are said to be that have a name of one's own."""


class Permission(Protocol):
    """What a caller's key is good for."""

    @property
    def models(self) -> tuple[str, ...]:
        """Names of models; `*` at the end stands for any rest."""
        ...

    def may_use(self, model: str) -> bool:
        """Whether it is good for a model, by its name with or without a deployment."""
        ...


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
    grants: tuple[str, ...] = field(default=(), kw_only=True)
    """Names of which a key must be good for one: the model's in full, and aliases by which it was asked for.

    A name without its vendor is not among them: a key is good for a model, never for an abbreviation.
    """
    configured: str = field(init=False)
    """The name of its entry in the configuration: of these there are few, whatever callers ask for."""
    total_timeout: float = field(init=False)
    """Seconds that a request may take in all."""

    def __post_init__(self) -> None:
        # Found out once, because a route serves many requests.
        full = f"{self.name}/{self.deployment}" if self.deployment else self.name
        object.__setattr__(self, "grants", (full, *self.grants))
        object.__setattr__(self, "configured", self.wildcard or self.name)
        object.__setattr__(self, "total_timeout", self.pool.total_timeout)

    def is_open_to(self, key: Permission) -> bool:
        """Whether a key is good for it."""
        return any(map(key.may_use, self.grants))

    @property
    def owner(self) -> str:
        """The vendor; `parley` for a name of one's own, which may have several."""
        return OWN if is_own(self.name) else self.name.partition("/")[0]


class Router:
    """The models that may be named, and the state of their deployments in this worker. Belongs to one event loop."""

    def __init__(
        self,
        models: Mapping[str, ModelRoute],
        *,
        clock: Callable[[], float] = time.monotonic,
        rng: random.Random | None = None,
        previous: Optional["Router"] = None,
        aliases: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Makes the state of all deployments, or goes on with what there is.

        :param previous: the router under the configuration before, whose state goes on where deployments stay.
        :param aliases: further names, each with a name that leads to a model, or to another alias.
        """
        rng = rng or random.Random()  # noqa: S311  # shares out load, protects nothing
        self.rng = rng
        before = previous.pools if previous else dict[str, Pool]()
        self._pools = {
            name: Pool(route, clock=clock, rng=rng, previous=before.get(name)) for name, route in models.items()
        }
        self._aliases = aliases
        self._routes: dict[str, Route] = {}
        """Those that were asked for, by name."""
        self._wildcards = sorted((name[:-1] for name in models if name.endswith("*")), key=len, reverse=True)

    def route(self, name: str, key: Permission = ANYONE) -> Route:
        """The deployments that a request for a model may go to.

        The name may be a model's in full, an alias, or a model's without its vendor where just one vendor has it; the
        key must be good for the model in full, or for the alias. ApiError: PERMISSION, or MODEL_NOT_FOUND with near
        names, none of which the key may not see.
        """
        route = self._routes.get(name) or self._resolved(name)
        if route is None:
            raise self._unknown(name, key)
        if not route.is_open_to(key):
            raise self._forbidden(name, key)
        return route

    def permits(self, name: str, key: Permission) -> bool:
        """Whether a key is good for a model that there is."""
        route = self._routes.get(name) or self._resolved(name)
        return route is not None and route.is_open_to(key)

    def names(self, key: Permission = ANYONE) -> list[str]:
        """The models that a key may name, sorted; with a `*` at the end where it may name any that begin so."""
        found = {name for name in (*self._pools, *self._aliases) if self._shows(name, key)}
        for name, pool in self._pools.items():
            if name not in found:
                # A key may be good for some of a model's deployments and not for others.
                places = (f"{name}/{place.deployment}" for place in pool.route.targets if place.deployment)
                found.update(filter(key.may_use, places))
        for name in key.models:
            # What is narrower than what the configuration says.
            if name.endswith("*"):
                if any(name.startswith(prefix) for prefix in self._wildcards):
                    found.add(name)
            elif (route := self._find(name)) is not None and route.is_open_to(key):
                found.add(name)
        return sorted(found)

    def owner(self, name: str) -> str:
        """Whose a model is that is listed; see `Route.owner`."""
        route = self._find(name)
        return route.owner if route is not None else name.partition("/")[0]

    def _shows(self, name: str, key: Permission) -> bool:
        if name.endswith("*"):
            return key.may_use(name)
        return (name in self._pools and key.may_use(name)) or (name in self._aliases and self.permits(name, key))

    def _resolved(self, name: str) -> Route | None:
        route = self._find(name) or self._abbreviated(name)
        if route is not None:
            if len(self._routes) >= _ROUTES_KEPT:
                # Callers may ask a wildcard for names without end.
                self._routes.clear()
            if len(name) <= bounds.NAME:
                self._routes[name] = route
        return route

    def _find(self, name: str) -> Route | None:
        """By a name that says all, or an alias."""
        if pool := self._pools.get(name):
            return Route(name, pool)
        stem, _, last = name.rpartition("/")
        if (pool := self._pools.get(stem)) and pool.route.has(last):
            return Route(stem, pool, last)
        head, _, deployment = name.partition("/")
        if (target := self._aliases.get(head)) is not None:
            return self._aliased(name, target, deployment)
        for prefix in self._wildcards:
            if name.startswith(prefix) and len(name) > len(prefix):
                return Route(name, self._pools[prefix + "*"], wildcard=prefix + "*")
        return None

    def _aliased(self, name: str, target: str, deployment: str) -> Route | None:
        route = self._find(target)
        if route is None or (deployment and (route.deployment or not route.pool.route.has(deployment))):
            # What follows an alias picks a deployment: it never leads to another model.
            return None
        return Route(
            route.name, route.pool, deployment or route.deployment, route.wildcard, grants=(*route.grants[1:], name)
        )

    def _abbreviated(self, name: str) -> Route | None:
        """By a name whose first part is missing: several SDKs take that for a provider's and do not send it."""
        full = self._full_names(name)
        return self._find(full[0]) if len(full) == 1 else None

    def _full_names(self, name: str) -> list[str]:
        """What a name may stand for whose first part is missing: models that are named so, or else wildcards' ones."""
        if not name:
            return []
        stem, _, last = name.rpartition("/")
        exact = [each for each in self._pools if each.partition("/")[2] == name and not each.endswith("*")]
        exact += [
            f"{each}/{last}"
            for each, pool in self._pools.items()
            if stem and each.partition("/")[2] == stem and pool.route.has(last)
        ]
        if exact or "/" in name:
            # What has a slash may name a vendor that is not here: it is not sent to another one.
            return sorted(exact)
        heads = {prefix.partition("/")[0] for prefix in self._wildcards}
        return sorted(f"{head}/{name}" for head in heads if self._find(f"{head}/{name}") is not None)

    @property
    def pools(self) -> Mapping[str, Pool]:
        """The models' deployments, by the models' names as the configuration writes them."""
        return self._pools

    def _unknown(self, name: str, key: Permission) -> ApiError:
        if not name:
            return ApiError(Kind.INVALID_VALUE, "model: required, such as vendor/model_name", param="model")
        meant = [each for each in self._full_names(name) if self.permits(each, key)]
        if meant:
            problem = f"model: {name!r} alone may be a model of several vendors; say which: {', '.join(meant)}"
            return ApiError(Kind.MODEL_NOT_FOUND, problem, param="model")
        if not key.may_use(name):
            # Whether there is such a model is no business of a key that may not use it.
            return self._forbidden(name, key)
        name = bounds.cut(name)
        hint = self._near(name, key)
        return ApiError(
            Kind.MODEL_NOT_FOUND, f"model: no model {name!r} here{hint}. GET /v1/models lists them all", param="model"
        )

    def _forbidden(self, name: str, key: Permission) -> ApiError:
        name = bounds.cut(name)
        problem = (
            f"model: this API key may not use {name!r}{self._near(name, key)}. GET /v1/models lists what it may use"
        )
        return ApiError(Kind.PERMISSION, problem, param="model", code="model_not_allowed")

    def _near(self, name: str, key: Permission) -> str:
        """Names like it, of those alone that the key may see."""
        known = [name for name in self.names(key) if not name.endswith("*")]
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.5) or known[:3]
        return f"; near it: {', '.join(near)}" if near else ""
