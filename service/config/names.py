"""Names of models: which of them lead anywhere, and which hide another."""

import difflib
from collections.abc import Collection, Mapping
from typing import Protocol


class PlacedError(ValueError):
    """What is wrong, and the keys that lead to it from the top of the file."""

    def __init__(
        self, location: tuple[str | int, ...], problem: str, *, also: tuple[str | int, ...] | None = None
    ) -> None:
        """:param also: another place that has to do with it, which is told as well."""
        super().__init__(problem)
        self.location = location
        self.also = also


class _Deployment(Protocol):
    @property
    def use(self) -> str | None: ...

    @property
    def model(self) -> str | None: ...


class _Fallback(Protocol):
    @property
    def any(self) -> tuple[str, ...]: ...

    @property
    def context_length(self) -> tuple[str, ...]: ...

    @property
    def content_filter(self) -> tuple[str, ...]: ...


class NamedModel(Protocol):
    """What is asked of an entry of `models`."""

    @property
    def model(self) -> str | None: ...

    @property
    def deployments(self) -> Mapping[str, _Deployment]: ...

    @property
    def fallback(self) -> _Fallback: ...


def is_own(name: str) -> bool:
    """Whether it is a name of one's own, which says nothing of a vendor."""
    return "/" not in name


def check_names(models: Mapping[str, NamedModel], aliases: Mapping[str, str]) -> None:
    """PlacedError for a name that leads nowhere, hides another, or is used where it cannot stand."""
    for name, model in models.items():
        _check_uses(name, model)
    for alias in aliases:
        _check_alias(alias, models, aliases)
    for name, model in models.items():
        fallback = model.fallback
        for other in (*fallback.any, *fallback.context_length, *fallback.content_filter):
            if other not in aliases and not _serves(models, other):
                hint = _near(other, {*models, *aliases})
                raise PlacedError(("models", name, "fallback"), f"{other!r} is not among the models{hint}")


def _check_uses(name: str, model: NamedModel) -> None:
    own = is_own(name)
    if own and model.model is not None:
        raise PlacedError(("models", name, "model"), "a name of your own has `use` in its deployments instead")
    if own and not model.deployments:
        raise PlacedError(
            ("models", name),
            f"a name without a vendor needs deployments that say which models answer, "
            f"such as deployments: {{a: {{use: openai/gpt-4o}}}}; or is it vendor/{name}?",
        )
    for key, deployment in model.deployments.items():
        place = ("models", name, "deployments", key)
        if not own:
            if deployment.use is not None:
                raise PlacedError((*place, "use"), "only for names without a vendor; here say model: NAME")
            continue
        if deployment.use is None:
            raise PlacedError((*place, "use"), "required, such as use: openai/gpt-4o")
        if deployment.use.endswith("*"):
            raise PlacedError((*place, "use"), "a wildcard stands for many models, so it cannot be one")
        if deployment.model is not None:
            raise PlacedError((*place, "model"), "cannot stand beside use, which says the model")


def _check_alias(alias: str, models: Mapping[str, NamedModel], aliases: Mapping[str, str]) -> None:
    if alias in models:
        raise PlacedError(("aliases", alias), "hides the model of this name; choose another name, or drop one of them")
    seen = [alias]
    while (name := aliases[seen[-1]]) in aliases:
        if name in seen:
            raise PlacedError(("aliases", alias), f"leads round in a circle: {' → '.join((*seen, name))}")
        seen.append(name)
    if name.endswith("*"):
        raise PlacedError(("aliases", alias), f"{name!r} stands for many models; say one of them")
    if not _serves(models, name):
        hint = _near(name, {*models, *aliases} - {*seen})
        raise PlacedError(("aliases", alias), f"{name!r} is not among the models{hint}")


def _serves(models: Mapping[str, NamedModel], name: str) -> bool:
    stem, _, last = name.rpartition("/")
    return (
        name in models
        or (stem in models and last in models[stem].deployments)
        or any(name.startswith(each[:-1]) and len(name) >= len(each) for each in models if each.endswith("*"))
    )


def _near(name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name, sorted(known), n=1)
    return f"; did you mean {near[0]}?" if near else ""
