"""Finds the deployments of `vendor/model_name[/deployment]`."""

import difflib
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from service.backends.dialect import Target
from service.errors import ApiError, Kind
from service.routing.table import ModelRoute


@dataclass(frozen=True, slots=True)
class Route:
    """Where one request goes."""

    name: str
    """The model's name as the caller wrote it, which the answer repeats."""
    target: Target


class Router:
    """The models that may be named. Immutable once made, so that a reload replaces it whole."""

    def __init__(self, models: Mapping[str, ModelRoute], *, rng: random.Random | None = None) -> None:
        self._models = dict(models)
        self._wildcards = sorted((name[:-1] for name in models if name.endswith("*")), key=len, reverse=True)
        self._rng = rng or random.Random()  # noqa: S311  # shares out load, protects nothing

    def route(self, name: str) -> Route:
        """The deployment that a request for a model goes to; MODEL_NOT_FOUND, with near names, for none."""
        if model := self._models.get(name):
            return Route(name, self._pick(model.targets))
        stem, _, last = name.rpartition("/")
        if (model := self._models.get(stem)) and (target := model.deployment(last)):
            return Route(name, target)
        for prefix in self._wildcards:
            if name.startswith(prefix) and len(name) > len(prefix):
                model = self._models[prefix + "*"]
                return Route(name, self._pick(model.named(name.partition("/")[2])))
        raise self._unknown(name)

    def names(self) -> list[str]:
        """The names of the models, sorted; `vendor/*` where any name goes to the vendor."""
        return sorted(self._models)

    def _pick(self, targets: Sequence[Target]) -> Target:
        if len(targets) == 1:
            return targets[0]
        return self._rng.choices(targets, [target.weight for target in targets])[0]

    def _unknown(self, name: str) -> ApiError:
        if not name:
            return ApiError(Kind.INVALID_VALUE, "model: required, such as vendor/model_name", param="model")
        known = [name for name in self.names() if not name.endswith("*")]
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.5) or known[:3]
        hint = f"; near it: {', '.join(near)}" if near else ""
        return ApiError(
            Kind.MODEL_NOT_FOUND, f"model: no model {name!r} here{hint}. GET /v1/models lists them all", param="model"
        )
