"""What parley.yaml may say, as types; every key that is not here is an error."""

import os
from pathlib import Path
from typing import Annotated, Literal, cast

from pydantic import BaseModel, BeforeValidator, Field, model_validator

from service.config.key import Key, Unsupported, check_keys
from service.config.names import PlacedError, check_names
from service.config.strict import STRICT
from service.config.tls import Tls
from service.config.values import Address, Duration, ListenAddress, Origin, Place, Workers
from service.config.watching import Metrics, Tracing, Watchdog

EMBEDDED_MODEL = "local/smollm2-135m-instruct"
"""The model that Parley runs itself."""

VENDORS_MODEL = r"^[^/\s]+/\S+$"
MODEL_NAME = r"^([^/\s]+/\S+|[^/\s*]+)$"
PLAIN_NAME = r"^[^/\s*]+$"
VENDOR_URL = r"^(https?|grpcs?)://"

ModelName = Annotated[str, Field(pattern=MODEL_NAME)]
"""`vendor/model_name`, `vendor/*` for any model of the vendor, or a name of one's own without a slash."""
VendorsModel = Annotated[str, Field(pattern=VENDORS_MODEL)]
"""`vendor/model_name[/deployment]`."""
PlainName = Annotated[str, Field(pattern=PLAIN_NAME)]
"""Name of a vendor or a deployment: one part of a model's name."""
VendorUrl = Annotated[str, Field(pattern=VENDOR_URL)]


class _Strict(BaseModel):
    model_config = STRICT


class SecretRef(_Strict):
    """Where a secret is read from; exactly one of `env` and `file`. The secret itself is never written here."""

    env: Annotated[
        str | None, Field(description="Name of an environment variable; a final line end in it is dropped.")
    ] = None
    file: Annotated[Path | None, Field(description="A file that holds the secret; a final newline is dropped.")] = None

    @model_validator(mode="after")
    def _one(self) -> "SecretRef":
        if (self.env is None) == (self.file is None):
            raise ValueError("expected either env or file, such as {env: OPENAI_API_KEY}")
        return self

    def read(self) -> str:
        """The secret. ValueError, without the secret, where it is not there."""
        if self.env is not None:
            value = os.environ.get(self.env, "").rstrip("\r\n")
            if not value:
                raise ValueError(f"the environment variable {self.env} is not set")
            return _sendable(value, f"the environment variable {self.env}")
        try:
            value = Path(str(self.file)).read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"the file {self.file} cannot be read: {type(error).__name__}") from None
        if not value:
            raise ValueError(f"the file {self.file} is empty")
        return _sendable(value, f"the file {self.file}")


def _sendable(secret: str, place: str) -> str:
    """The secret, unless no HTTP header can hold it (RFC 9110, 5.5); it stands in no message."""
    if not (secret.isascii() and secret.isprintable()):
        raise ValueError(f"{place} holds what no header can: a line end, a control character or one beyond ASCII")
    return secret


class Timeouts(_Strict):
    """The four deadlines of a request."""

    connect: Annotated[Duration, Field(description="To reach the vendor, TLS included.")] = 5.0
    first_token: Annotated[Duration, Field(description="From the request to the first generated token.")] = 60.0
    between_chunks: Annotated[Duration, Field(description="Between two reads of a stream.")] = 60.0
    total: Annotated[Duration, Field(description="The whole request.")] = 600.0


AuthScheme = Literal["bearer", "x-api-key", "api-key", "x-goog-api-key", "google", "entra", "sigv4", "none"]
"""How the service says to a vendor who it is; see service.upstream.authentication."""


class _Place(_Strict):
    """What says where a vendor is and how it is spoken to; a deployment may differ from its vendor in each."""

    base_url: Annotated[
        VendorUrl | None,
        Field(description="Up to and with the version; grpc://HOST:PORT or grpcs://HOST for a dialect of gRPC."),
    ] = None
    api_key: Annotated[SecretRef | None, Field(description="The key that the service uses there.")] = None
    auth: Annotated[AuthScheme | None, Field(description="How the key is sent. Default: as the vendor wants it.")] = (
        None
    )
    api_version: Annotated[str | None, Field(description="Version of the vendor's API (Azure, Anthropic).")] = None
    vllm_version: Annotated[
        str | None, Field(description="Version of the vLLM server, such as 0.12. Absent: it is asked once.")
    ] = None
    region: Annotated[str | None, Field(description="Region (Bedrock) or location (Vertex AI).")] = None
    project: Annotated[str | None, Field(description="Project (Vertex AI).")] = None
    tls: Annotated[Tls | None, Field(description="Certificates other than the system's. A deployment's go before.")] = (
        None
    )
    max_concurrent: Annotated[
        int | None, Field(ge=1, description="Requests at once, for each worker. Absent: no limit.")
    ] = None
    queue: Annotated[
        int | None, Field(ge=0, description="Requests that may wait for a place; more are answered 429. Default 100.")
    ] = None
    timeouts: Timeouts | None = None


class Vendor(_Place):
    """What the models of a vendor share. Known vendors have defaults for all of it."""

    dialect: Annotated[str | None, Field(description="The vendor's wire format, such as openai or vllm.")] = None
    headers: Annotated[dict[str, str], Field(description="Headers of every request to it.")] = {}

    @model_validator(mode="after")
    def _headers_once(self) -> "Vendor":
        first: dict[str, str] = {}
        for name in self.headers:
            if (other := first.setdefault(name.lower(), name)) != name:
                raise PlacedError(("headers", name), f"the same header as {other}: their case makes no difference")
        return self


class Deployment(_Place):
    """One place where a model is served; what it does not say comes from its model and vendor."""

    use: Annotated[
        VendorsModel | None,
        Field(
            description="Only, and always, under a name of one's own: the `vendor/model_name[/deployment]` that "
            "answers. What the file says of that one holds here too, but for its weight and what stands beside `use`."
        ),
    ] = None
    model: Annotated[str | None, Field(description="The vendor's name for the model.")] = None
    weight: Annotated[
        float,
        Field(
            ge=0,
            description="Share of the requests, against its siblings' weights. 0: it is being drained, and gets only "
            "those that name it.",
        ),
    ] = 1.0


class Retries(_Strict):
    """What happens when a deployment fails before the first token of its answer; never after it."""

    attempts: Annotated[int, Field(ge=0, le=10, description="Further tries, each at another deployment first.")] = 2
    backoff: Annotated[Duration, Field(description="Before the first retry, at most; doubles with each.")] = 0.1
    longest: Annotated[
        Duration, Field(description="The longest wait. A vendor that asks for a longer one is not tried again.")
    ] = 5.0
    budget: Annotated[float, Field(ge=0, le=1, description="Retries for each request, on the long run.")] = 0.2


class Cooldown(_Strict):
    """When a deployment that keeps failing is left alone, where its model has others."""

    failures: Annotated[int, Field(ge=1, description="Failures in a row.")] = 3
    rest: Annotated[Duration, Field(description="For how long; then one request at a time probes it.")] = 10.0


class Hedge(_Strict):
    """A second deployment is asked as well where the first is slow to begin; who generates first, answers.

    The other's connection is closed at once. What a vendor bills for it is the price of a shorter wait.
    """

    after: Annotated[
        Duration | None,
        Field(description="How long the first may take to its first token. Absent: what `percentile` says."),
    ] = None
    percentile: Annotated[
        float,
        Field(
            ge=50,
            lt=100,
            description="Slow is what takes longer than so many percent of the model's last 200 requests did; learnt "
            "by each worker, from 20 requests on.",
        ),
    ] = 95
    share: Annotated[float, Field(gt=0, le=1, description="Hedges for each request, on the long run, at most.")] = 0.05

    @model_validator(mode="after")
    def _one(self) -> "Hedge":
        if self.after is not None and "percentile" in self.model_fields_set:
            raise ValueError("expected either after or percentile")
        return self


class Fallback(_Strict):
    """Models that answer where this one cannot, in order, by what went wrong; those that the key is good for."""

    any: Annotated[
        tuple[ModelName, ...],
        Field(description="Whatever is not the request's own fault: docs/failover.md has the table."),
    ] = ()
    context_length: Annotated[tuple[ModelName, ...], Field(description="The conversation is too long for it.")] = ()
    content_filter: Annotated[tuple[ModelName, ...], Field(description="Its filter refused the conversation.")] = ()


def _fallback(value: object) -> object:
    return {"any": cast("object", value)} if isinstance(value, list | tuple) else value


class Model(_Strict):
    """A model that callers may name."""

    model: Annotated[str | None, Field(description="The vendor's name for it. Default: the part after the `/`.")] = None
    deployments: Annotated[
        dict[PlainName, Deployment],
        Field(description="By name, which a caller can pick with `vendor/model_name/deployment`."),
    ] = {}
    balance: Annotated[
        Literal["weighted", "least_inflight", "latency", "prefix"], Field(description="How a deployment is chosen.")
    ] = "weighted"
    fallback: Annotated[
        Fallback, BeforeValidator(_fallback), Field(description="A list of models is short for `any`.")
    ] = Fallback()
    retries: Retries = Retries()
    cooldown: Cooldown = Cooldown()
    hedge: Annotated[
        Hedge | None, Field(description="Absent: no request is sent twice. `{}` turns it on with its defaults.")
    ] = None
    timeouts: Timeouts | None = None

    @model_validator(mode="after")
    def _serves(self) -> "Model":
        if self.deployments and not any(each.weight for each in self.deployments.values()):
            raise PlacedError(("deployments",), "each has weight: 0, so that none would serve; give one another weight")
        return self

    @model_validator(mode="after")
    def _hedged_elsewhere(self) -> "Model":
        if self.hedge is not None and len(self.deployments) < 2:
            raise ValueError("hedge: needs a second deployment")
        return self


class Local(_Strict):
    """The embedded model's engine."""

    weights: Annotated[Path | None, Field(description="A GGUF file. Default: SmolLM2-135M-Instruct, fetched once.")] = (
        None
    )
    threads: Annotated[int, Field(ge=1, le=256)] = 1
    slots: Annotated[int, Field(ge=1, le=256, description="Requests that it serves at once.")] = 4
    context: Annotated[int, Field(ge=256, description="Tokens of context, shared out among the slots.")] = 8192


class FetchImages(_Strict):
    """Images that stand in requests as URLs, for vendors that take only bytes (Bedrock, Gemini)."""

    enabled: Annotated[bool, Field(description="Whether they are fetched. If not, such requests are refused.")] = True
    max_bytes: Annotated[int, Field(ge=1, le=64 * 1024 * 1024, description="Most bytes of one image.")] = (
        20 * 1024 * 1024
    )
    timeout: Annotated[Duration, Field(description="For one image, redirects included.")] = 10.0
    allow: Annotated[
        tuple[Place, ...],
        Field(
            description="Hosts, addresses and networks, such as `10.1.0.0/16`, that are fetched from though they are "
            "not public. All else that is not public is refused: private, loopback and link-local addresses, those of "
            "clouds' metadata, and names and redirects that lead there."
        ),
    ] = ()


class Idempotency(_Strict):
    """Answers kept for callers who send `Idempotency-Key` and ask again; in the memory of the worker that gave them."""

    keep: Annotated[Duration, Field(description="For how long.")] = 3600.0
    max_bytes: Annotated[
        int, Field(ge=0, description="Of all of them together, for each worker; the oldest are forgotten first.")
    ] = 64 * 1024 * 1024


class Cors(_Strict):
    """Web pages that may call Parley from a browser, by keys of their own. Envoy's; see `parley envoy-config`."""

    origins: Annotated[
        tuple[Origin, ...], Field(min_length=1, description="`https://app.example.com`, `https://*.example.com`, `*`.")
    ]


TransportName = Literal["built-in", "aiohttp"]
"""What speaks HTTP to vendors; see service.upstream.http_transports."""


class Config(_Strict):
    """The whole of parley.yaml."""

    listen: Annotated[ListenAddress, Field(description="REST and gRPC, on one port.")] = Address("127.0.0.1", 8080)
    workers: Annotated[
        Workers, Field(description="Python processes that serve requests; `auto`: one for each core that may be used.")
    ] = 1
    drain: Annotated[Duration, Field(description="How long streams in flight may go on after a stop is asked for.")] = (
        30.0
    )
    keep_alive: Annotated[
        Duration, Field(description="A silent REST stream gets a comment this often, so that nothing cuts it off.")
    ] = 15.0
    keys: Annotated[
        tuple[Key, ...] | None, Field(description="Callers. Absent: open, and then only loopback may be listened on.")
    ] = None
    unsupported: Annotated[
        Unsupported | None,
        Field(
            description="What to do with a field that a vendor cannot honour: refuse it (strict), leave it out and say "
            "so (warn), or leave it out (drop). Absent: features strict, tuning knobs warn. A request's header "
            "`x-parley-unsupported` goes before it."
        ),
    ] = None
    vendors: dict[PlainName, Vendor] = {}
    models: dict[ModelName, Model] = {EMBEDDED_MODEL: Model()}
    aliases: Annotated[
        dict[PlainName, ModelName],
        Field(description="Further names for models, such as `gpt-4: prod-chat`. A key good for either may use it."),
    ] = {}
    timeouts: Timeouts = Timeouts()
    transport: Annotated[
        TransportName,
        Field(
            description="What speaks HTTP to vendors. `aiohttp`, a widely used library, costs up to four times the "
            "CPU time; callers see the same answers and errors. It uses kept connections in turn and not the one "
            "used last, so that more of them stay open."
        ),
    ] = "built-in"
    max_connection_age: Annotated[
        Duration,
        Field(
            description="How long a connection to a vendor is used for further requests, at most, so that names that "
            "move are followed and replicas that are added get their share. Each ends a tenth earlier or less."
        ),
    ] = 300.0
    decode_every_event: Annotated[
        bool,
        Field(
            description="Whether each event of a vendor's stream is decoded. If not, one that is like an event before, "
            "of this stream or an earlier one, is read by analogy: callers get the same for less CPU time. For looking "
            "for a fault."
        ),
    ] = False
    local: Local = Local()
    watchdog: Watchdog = Watchdog()
    fetch_images: FetchImages = FetchImages()
    metrics: Annotated[Metrics | None, Field(description="Absent: off. `{}` is enough to turn them on.")] = None
    tracing: Tracing = Tracing()
    cors: Annotated[Cors | None, Field(description="Absent: pages of other origins read nothing.")] = None
    idempotency: Idempotency = Idempotency()

    @model_validator(mode="after")
    def _closed_beyond_loopback(self) -> "Config":
        if self.keys is None and not self.listen.is_loopback:
            raise ValueError(
                f"listen: {self.listen} can be reached from other machines, so keys are needed; "
                "make one with `parley key new NAME`, or listen on 127.0.0.1"
            )
        check_names(self.models, self.aliases)
        check_keys(self.keys or ())
        return self

    @property
    def uses_local(self) -> bool:
        """Whether the embedded model's engine is needed."""
        used = (place.use or "" for model in self.models.values() for place in model.deployments.values())
        return any(name.startswith("local/") for name in (*self.models, *used))
