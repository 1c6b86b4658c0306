"""LiteLLM's settings beside its list of models, as parley.yaml says them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import cast

from service.auth import hash_key
from service.migration.litellm.values import duration, number, resolved, variable
from service.migration.litellm.vendor import Entry
from service.migration.section import Note, Section

_STRATEGIES: Mapping[str, str] = MappingProxyType(
    {
        "simple-shuffle": "weighted",
        "least-busy": "least_inflight",
        "latency-based-routing": "latency",
        "usage-based-routing": "least_inflight",
        "usage-based-routing-v2": "least_inflight",
        "cost-based-routing": "weighted",
    }
)
_EXACT = frozenset(("simple-shuffle", "least-busy", "latency-based-routing"))
_FALLBACKS = (
    ("fallbacks", "any"),
    ("context_window_fallbacks", "context_length"),
    ("content_policy_fallbacks", "content_filter"),
)
_MOST_RETRIES = 10


@dataclass(slots=True)
class Settings:
    """What holds for all models."""

    top: Entry = field(default_factory=dict[str, object])
    """Keys of parley.yaml's top level."""
    balance: str = ""
    retries: int | None = None
    cooldown: Entry = field(default_factory=dict[str, object])
    fallbacks: dict[str, dict[str, list[str]]] = field(default_factory=dict[str, dict[str, list[str]]])
    """By model and by kind; the model `*` is any."""
    places: dict[str, Note] = field(default_factory=dict[str, Note])
    """Where each model stands that a fallback or an alias names."""
    aliases: dict[str, str] = field(default_factory=dict[str, str])


def settings_of(root: Section, tell: Callable[[Note], None]) -> Settings:
    """Reads `router_settings`, `litellm_settings` and `general_settings`; the first goes before the second."""
    router, library, general = (root.section(f"{name}_settings") for name in ("router", "litellm", "general"))
    found = Settings()
    _routing(found, router, library, tell)
    for section in (library, router):
        for theirs, ours in _FALLBACKS:
            for pair in section.sections(theirs):
                for model in pair:
                    names = pair.take(model)
                    if isinstance(names, list):
                        listed = [str(name) for name in cast("list[object]", names)]
                        found.fallbacks.setdefault(model, {})[ours] = listed
                        found.places |= {name: pair.note(model, "") for name in listed}
        defaults = section.take("default_fallbacks")
        if isinstance(defaults, list):
            listed = [str(name) for name in cast("list[object]", defaults)]
            found.fallbacks.setdefault("*", {})["any"] = listed
            found.places |= {name: section.note("default_fallbacks", "") for name in listed}
    _aliases(found, router, tell)
    if library.take("drop_params") is True:
        found.top["unsupported"] = "drop"
    _callbacks(found, library, tell)
    _keys(found, general, tell)
    for section, key, usual in ((library, "json_logs", True), (library, "num_retries", None), (general, "port", None)):
        if usual is None or section.take(key) == usual:
            section.drop(key)
    return found


def _first(key: str, *sections: Section) -> tuple[object, Section]:
    """The first value that there is, and whose it is; all of them count as taken."""
    values = [(section.take(key), section) for section in sections]
    return next((pair for pair in values if pair[0] is not None), (None, sections[0]))


def _routing(found: Settings, router: Section, library: Section, tell: Callable[[Note], None]) -> None:
    strategy = router.take("routing_strategy")
    if isinstance(strategy, str):
        found.balance = _STRATEGIES.get(strategy, "")
        if not found.balance:
            known = ", ".join(_STRATEGIES)
            tell(router.note("routing_strategy", f"{strategy!r} is not known here; known: {known}. Taken: weighted"))
        elif strategy not in _EXACT:
            tell(router.note("routing_strategy", f"{strategy!r} became balance: {found.balance}, which is the nearest"))
    retries, section = _first("num_retries", router, library)
    if (amount := number(retries)) is not None:
        found.retries = min(int(amount), _MOST_RETRIES)
        if amount > _MOST_RETRIES:
            tell(section.note("num_retries", f"{int(amount)} became {_MOST_RETRIES}, which is the most"))
    timeouts: Entry = {}
    total = next(
        (value for value in (router.take("timeout"), library.take("request_timeout")) if value is not None), None
    )
    if seconds := number(total):
        timeouts["total"] = duration(seconds)
    if seconds := number(router.take("stream_timeout")):
        timeouts["first_token"] = timeouts["between_chunks"] = duration(seconds)
    if timeouts:
        found.top["timeouts"] = timeouts
    fails, section = _first("allowed_fails", router, library)
    if (amount := number(fails)) is not None:
        found.cooldown["failures"] = int(amount) + 1
        tell(
            section.note(
                "allowed_fails",
                f"became cooldown.failures: {int(amount) + 1}, which counts failures in a row and not in a minute",
            )
        )
    rest, _ = _first("cooldown_time", router, library)
    if seconds := number(rest):
        found.cooldown["rest"] = duration(seconds)


def _aliases(found: Settings, router: Section, tell: Callable[[Note], None]) -> None:
    group = router.section("model_group_alias")
    for alias in group:
        value = group.take(alias)
        if isinstance(value, Section):
            found.aliases[alias] = str(value.take("model"))
            if value.take("hidden"):
                tell(value.note("hidden", "has no form here: GET /v1/models lists every alias"))
        else:
            found.aliases[alias] = str(value)
        found.places.setdefault(found.aliases[alias], group.note(alias, ""))


def _callbacks(found: Settings, library: Section, tell: Callable[[Note], None]) -> None:
    for key in ("callbacks", "success_callback", "failure_callback", "service_callbacks"):
        value = library.take(key)
        names = cast("list[object]", value) if isinstance(value, list) else [value] if value is not None else []
        for name in names:
            match name:
                case "prometheus":
                    found.top["metrics"] = {}
                case "otel" | "opentelemetry":
                    found.top["tracing"] = {}
                    tell(
                        library.note(
                            key, "otel became tracing, whose endpoint is OTEL_EXPORTER_OTLP_ENDPOINT in the environment"
                        )
                    )
                case _:
                    tell(
                        library.note(
                            key,
                            f"{name} is not called: there are metrics, OpenTelemetry traces and a log of requests",
                        )
                    )


def _keys(found: Settings, general: Section, tell: Callable[[Note], None]) -> None:
    master = general.take("master_key")
    if master is None:
        found.top["listen"] = "127.0.0.1:4000"
        tell(Note(general.line, "general_settings.master_key", "without keys, Parley listens on this machine alone"))
        return
    found.top["listen"] = "0.0.0.0:4000"
    key = resolved(master)
    if key is None:
        found.top["keys"] = []
        tell(
            general.note(
                "master_key",
                f"{variable(master)} is not set here, so nobody is let in: `parley key new NAME` makes a key",
            )
        )
        return
    found.top["keys"] = [{"name": "master", "sha256": hash_key(key)}]
    tell(
        general.note(
            "master_key",
            "became a caller's key of the same secret, kept as its hash; keys in LiteLLM's database are not known here",
        )
    )
