"""Builds the routing table out of parley.yaml and what is known of each vendor."""

import dataclasses
import difflib
import importlib.util
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from service.backends.dialect import Dialect, Target
from service.backends.known_vendor import KnownVendor
from service.backends.vendors import DIALECTS, LOCAL, OVER_GRPC, UNNAMED, VENDORS
from service.config import Config, Deployment, Model, SecretRef, Timeouts, Vendor
from service.config.names import is_own
from service.proxies import ProxyError, proxy_for
from service.tls import Tls, TlsError, TlsFiles, load

_AMBIENT = frozenset(("google", "sigv4", "none"))
"""Schemes whose credentials come from the cloud's own library, or that have none."""

_FETCHED = frozenset(("entra",))
"""Schemes whose credentials are fetched, unless parley.yaml names some."""


_ENTRA = (("AZURE_TENANT_ID",), ("AZURE_CLIENT_ID",), ("AZURE_CLIENT_SECRET", "AZURE_FEDERATED_TOKEN_FILE"))
"""What `auth: entra` reads from the environment, one of each; see service.upstream.entra_auth."""


class RoutingError(ValueError):
    """A configuration is well-formed, but a model in it cannot be reached as it says."""


@dataclass(frozen=True, slots=True)
class ModelRoute:
    """A model and its deployments, in the order of the file."""

    targets: tuple[Target, ...]
    settings: Model = field(default_factory=Model)
    """How a deployment is chosen, and what happens when it fails."""
    dialects: tuple[tuple[str, Dialect], ...] = ()
    """Of a wildcard's models that speak another than the rest: the beginning of their names, and the dialect."""

    wildcard: bool = False
    """Whether it stands for many models."""

    def has(self, deployment: str) -> bool:
        """Whether there is a deployment of a name."""
        return any(target.deployment == deployment for target in self.targets)

    def named(self, model: str, target: Target) -> Target:
        """A deployment of a wildcard, for one model that it stands for."""
        return dataclasses.replace(target, model=model, dialect=_spoken(model, self.dialects) or target.dialect)


def build(config: Config, *, local_socket: Path | None = None) -> dict[str, ModelRoute]:
    """The routing table.

    RoutingError, which names the place in the file, for an unknown vendor or dialect, a missing URL or
    a secret that is not there.

    :param local_socket: where the embedded model's engine listens.
    """
    return {name: _model(config, name, model, local_socket) for name, model in config.models.items()}


def _model(config: Config, name: str, model: Model, local_socket: Path | None) -> ModelRoute:
    if is_own(name):
        places = model.deployments.items()
        return ModelRoute(tuple(_used(config, name, model, *item, local_socket) for item in places), model)
    source = _source(config, f"models.{name}", name, model, local_socket)
    deployments = model.deployments or {"": Deployment()}
    if name.endswith("*") and any(part.model for part in (model, *deployments.values())):
        raise RoutingError(f"models.{name}.model: a wildcard stands for many models, so it cannot be one")
    targets = tuple(source.target(*item) for item in deployments.items())
    return ModelRoute(targets, model, source.dialects(), wildcard=name.endswith("*"))


def _source(config: Config, place: str, name: str, model: Model, local_socket: Path | None) -> "_Source":
    vendor_name = name.partition("/")[0]
    if vendor_name not in VENDORS and vendor_name not in config.vendors:
        choices = sorted({*VENDORS, *config.vendors})
        near = difflib.get_close_matches(vendor_name, choices, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(choices)}"
        raise RoutingError(f"{place}: the vendor {vendor_name!r} is not known and not under vendors; {hint}")
    vendor = config.vendors.get(vendor_name, Vendor())
    known = VENDORS.get(vendor_name) or UNNAMED.get(vendor.dialect or "")
    socket = str(local_socket) if vendor_name == LOCAL and local_socket is not None else None
    return _Source(config, place, name, vendor_name, known, vendor, model, socket)


def _used(
    config: Config, name: str, model: Model, key: str, deployment: Deployment, local_socket: Path | None
) -> Target:
    """A deployment of a name of one's own: what it uses, under what is said beside `use`."""
    used = deployment.use or ""
    place = f"models.{name}.deployments.{key}"
    entry, picked = _entry(config, f"{place}.use", used)
    theirs = config.models.get(entry, Model())
    base = theirs.deployments.get(picked, Deployment())
    own = {field: getattr(deployment, field) for field in deployment.model_fields_set - {"use", "timeouts"}}
    merged = base.model_copy(update={"weight": Deployment().weight, "model": base.model or theirs.model, **own})
    layers = (theirs.timeouts, base.timeouts, model.timeouts, deployment.timeouts)
    settings = merged.model_copy(update={"timeouts": _overlaid(Timeouts(), *layers) if any(layers) else None})
    source = _source(config, place, used if entry.endswith("*") or not picked else entry, Model(), local_socket)
    target = source.target("", settings)
    return dataclasses.replace(target, deployment=key, used=used)


def _entry(config: Config, place: str, used: str) -> tuple[str, str]:
    """Which entry of `models` says what holds for a model that is used, and which deployment; empty for neither."""
    stem, _, last = used.rpartition("/")
    if used not in config.models and last in config.models.get(stem, Model()).deployments:
        return stem, last
    entry = used if used in config.models else _wildcard(config.models, used)
    deployments = config.models[entry].deployments if entry else {}
    if len(deployments) < 2:
        return entry, next(iter(deployments), "")
    if entry.endswith("*"):
        raise RoutingError(f"{place}: {entry} has several deployments; give {used} an entry of its own under models")
    picks = " or ".join(f"{used}/{each}" for each in deployments)
    raise RoutingError(f"{place}: {used} has several deployments; say which: {picks}")


def _wildcard(models: Iterable[str], name: str) -> str:
    """The narrowest wildcard that stands for a name; empty for none."""
    fitting = (each for each in models if each.endswith("*") and name.startswith(each[:-1]) and len(name) >= len(each))
    return max(fitting, key=len, default="")


@dataclass(frozen=True, slots=True)
class _Source:
    """Where the parts of a model's targets come from."""

    config: Config
    place: str
    """Where the file speaks of it."""
    name: str
    vendor_name: str
    known: KnownVendor | None
    vendor: Vendor
    model: Model
    socket: str | None

    def target(self, deployment_name: str, deployment: Deployment) -> Target:
        vendor, known = self.vendor, self.known
        place = self.place + (f".deployments.{deployment_name}" if deployment_name else "")
        region = deployment.region or vendor.region or ""
        project = deployment.project or vendor.project or ""
        own = (deployment.api_version, deployment.vllm_version, vendor.api_version, vendor.vllm_version)
        auth = deployment.auth or vendor.auth or (known.auth if known else "bearer")
        if auth == "sigv4":
            _check_signing(place, self.vendor_name, region)
        model = deployment.model or self.model.model or self.name.partition("/")[2]
        credential = None if auth in _AMBIENT else self._credential(place, deployment, usual=auth not in _FETCHED)
        if auth == "entra" and credential is None:
            _check_entra(place)
        base_url = self._base_url(place, deployment, {"region": region, "project": project})
        _check_proxy(place, base_url)
        return Target(
            vendor=self.vendor_name,
            deployment=deployment_name,
            model=model,
            dialect=_spoken(model, self.dialects()) or self._dialect(),
            base_url=base_url,
            timeouts=_overlaid(self.config.timeouts, vendor.timeouts, self.model.timeouts, deployment.timeouts),
            auth=auth,
            credential=credential,
            socket=self.socket,
            headers={key.lower(): value for key, value in vendor.headers.items()},
            tls=self._tls(place, deployment, base_url),
            max_connection_age=self.config.max_connection_age,
            weight=deployment.weight,
            max_concurrent=_first(deployment.max_concurrent, vendor.max_concurrent),
            queue=_first(deployment.queue, vendor.queue, 100) or 0,
            version=next((version for version in own if version), known.version if known else ""),
            region=region,
            project=project,
            analogy=not self.config.decode_every_event,
        )

    def dialects(self) -> tuple[tuple[str, Dialect], ...]:
        """The vendor's models that speak another dialect than the rest, unless parley.yaml says what they speak."""
        if self.known is None or self.vendor.dialect:
            return ()
        return tuple((prefix, DIALECTS[name]) for prefix, name in self.known.dialects if name in DIALECTS)

    def _base_url(self, place: str, deployment: Deployment, parts: dict[str, str]) -> str:
        url = deployment.base_url or self.vendor.base_url
        if url is None and self.known is not None:
            url = self.known.base_urls.get(parts["region"], self.known.base_url)
        if url is None:
            raise RoutingError(
                f"{place}: no base_url; set vendors.{self.vendor_name}.base_url, or that of the deployment"
            )
        for name, value in parts.items():
            if f"{{{name}}}" in url and not value:
                raise RoutingError(
                    f"{place}: no {name}; set vendors.{self.vendor_name}.{name}, or that of the deployment"
                )
            url = url.replace(f"{{{name}}}", value)
        self._check_scheme(place, url)
        return url.rstrip("/")

    def _tls(self, place: str, deployment: Deployment, base_url: str) -> Tls | None:
        named = deployment.tls or self.vendor.tls
        where = f"{place}.tls" if deployment.tls else f"vendors.{self.vendor_name}.tls"
        if urlsplit(base_url).scheme not in {"https", "grpcs"}:
            if named is not None:
                raise RoutingError(f"{where}: {base_url} is not reached over TLS; expected https:// or grpcs://")
            return None
        try:
            return load(TlsFiles(named.ca, named.cert, named.key) if named else None)
        except TlsError as error:
            raise RoutingError(f"{where}: {error}" if named else f"{place}: SSL_CERT_FILE: {error}") from None

    def _check_scheme(self, place: str, url: str) -> None:
        name = self.vendor.dialect or (self.known.dialect if self.known else "")
        parts = urlsplit(url)
        if name not in OVER_GRPC:
            if parts.scheme not in {"http", "https"}:
                raise RoutingError(f"{place}: base_url: the dialect {name} is spoken over HTTP: expected https://…")
        elif parts.scheme not in {"grpc", "grpcs"}:
            raise RoutingError(
                f"{place}: base_url: the dialect {name} is spoken over gRPC: expected grpcs://HOST, or grpc://HOST:PORT"
            )
        elif not parts.hostname or parts.path.strip("/") or parts.query:
            raise RoutingError(f"{place}: base_url: over gRPC, expected a host and a port and nothing after them")

    def _dialect(self) -> Dialect:
        name = self.vendor.dialect or (self.known.dialect if self.known else None)
        place = f"vendors.{self.vendor_name}.dialect"
        if name is None:
            raise RoutingError(f"{place}: required, one of {', '.join(sorted(DIALECTS))}")
        if name not in DIALECTS:
            near = difflib.get_close_matches(name, DIALECTS, n=1)
            hint = f"did you mean {near[0]}?" if near else f"expected one of {', '.join(sorted(DIALECTS))}"
            raise RoutingError(f"{place}: unknown dialect {name!r}; {hint}")
        return DIALECTS[name]

    def _credential(self, place: str, deployment: Deployment, *, usual: bool) -> str | None:
        vendor_place = f"vendors.{self.vendor_name}"
        default = _usual_key(self.known) if self.known and usual else None
        for where, secret in (
            (place, deployment.api_key),
            (vendor_place, self.vendor.api_key),
            (vendor_place, default),
        ):
            if secret is None:
                continue
            try:
                return secret.read()
            except ValueError as error:
                raise RoutingError(f"{where}.api_key: {error}") from None
        return None


def _check_proxy(place: str, base_url: str) -> None:
    try:
        proxy_for(base_url)
    except ProxyError as error:
        raise RoutingError(f"{place}: {error}") from None


def _check_signing(place: str, vendor: str, region: str) -> None:
    if importlib.util.find_spec("botocore") is None:
        raise RoutingError(f"{place}: auth sigv4 needs AWS's library; install parley[bedrock]")
    if not region:
        raise RoutingError(
            f"{place}: auth sigv4 needs a region; set vendors.{vendor}.region, or that of the deployment"
        )


def _check_entra(place: str) -> None:
    for names in _ENTRA:
        if not any(os.environ.get(name) for name in names):
            raise RoutingError(
                f"{place}: auth entra needs the environment variable {' or '.join(names)}, or an api_key"
            )


def _spoken(model: str, dialects: Iterable[tuple[str, Dialect]]) -> Dialect | None:
    return next((dialect for prefix, dialect in dialects if model.startswith(prefix)), None)


def _usual_key(known: KnownVendor) -> SecretRef | None:
    names = [name for name in (known.api_key_env, known.api_key_env_too) if name]
    if not names:
        return None
    return SecretRef(env=next((name for name in names if os.environ.get(name)), names[0]))


def _overlaid(base: Timeouts, *layers: Timeouts | None) -> Timeouts:
    """What each layer says itself, over what those before it say."""
    for layer in layers:
        if layer is not None:
            base = base.model_copy(update={name: getattr(layer, name) for name in layer.model_fields_set})
    return base


def _first(*numbers: int | None) -> int | None:
    return next((number for number in numbers if number is not None), None)
