"""What a dialect is: the border between the pipeline's messages and one vendor's bytes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from parley.chat.v1.completion_pb2 import CompletionRequest

from service.backends.fields import Families, Fields, Refused, Sent, fields_of
from service.backends.memory import Memory
from service.backends.run import Piece
from service.config import Timeouts
from service.config.model import AuthScheme
from service.errors import ApiError
from service.tls import Tls


@dataclass(slots=True)
class HttpCall:
    """A request to a vendor, but for where it goes. Belongs to whoever sends it."""

    path: str
    """Follows the target's base URL."""
    headers: dict[str, str] = field(repr=False)
    """Names in lower case; without credentials."""
    body: bytes = field(repr=False)
    method: str = "POST"
    deadline: float | None = None
    """When its answer is of no use any more, on the event loop's clock, for vendors that can be told; the driver's
    business, never a dialect's."""
    on_resend: Callable[[], None] | None = None
    """Told before the request goes out once more, over another connection; the driver's business."""


@dataclass(frozen=True, slots=True)
class Target:
    """One place where a model is served, with all that a call to it needs."""

    vendor: str
    deployment: str
    """Its name among the model's deployments; empty where the model has just one without a name."""
    model: str
    """The vendor's name for the model."""
    dialect: "Dialect"
    base_url: str
    timeouts: Timeouts
    auth: AuthScheme = "bearer"
    """How the service says who it is; the driver's business, never a dialect's."""
    credential: str | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    socket: str | None = None
    """Path of a unix socket to use instead of the base URL's host."""
    tls: Tls | None = field(default=None, repr=False)
    """Certificates as they were when the configuration was read; None: the system's, as they are when they are used."""
    max_connection_age: float = 300.0
    """How long a connection is used for further requests. Seconds."""
    weight: float = 1.0
    max_concurrent: int | None = None
    """Requests at once, for each worker; None: no limit."""
    queue: int = 100
    """Requests that may wait for a place."""
    version: str = ""
    """Version of the vendor's API or server, where the dialect depends on it; empty: not known."""
    region: str = ""
    """Region of the vendor's cloud, where it has any."""
    project: str = ""
    """Project in the vendor's cloud, where it has any."""
    used: str = ""
    """The `vendor/model_name[/deployment]` that a name of one's own uses here; empty elsewhere."""
    analogy: bool = True
    """Whether events may be read by analogy with others, which gives the same for less."""
    memory: Memory = field(default_factory=Memory, repr=False, compare=False)
    """What its streams looked like, for those of its dialects that may make use of it."""
    fields: Fields = field(init=False, repr=False, compare=False)
    """What becomes of each field of a request for this model."""
    refused: Mapping[str, Refused] = field(init=False, repr=False, compare=False)
    """Those of them that the vendor cannot honour."""
    renamed: tuple[tuple[str, str], ...] = field(init=False, repr=False, compare=False)
    """Those that the vendor gets by another name, each with that name."""
    prompts: "PromptDialect | None" = field(init=False, repr=False, compare=False)
    """The dialect, where its vendor goes on with any text."""
    relays: "RelayDialect | None" = field(init=False, repr=False, compare=False)
    """The dialect, where its vendor is a service of this kind."""

    def __post_init__(self) -> None:
        # Found out once, because a target serves many requests.
        fields = fields_of(self.dialect.fields, self.dialect.families, self.model)
        refused = {name: handling for name, handling in fields.items() if isinstance(handling, Refused)}
        object.__setattr__(self, "fields", fields)
        renamed = tuple((name, row.name) for name, row in fields.items() if isinstance(row, Sent) and row.name)
        object.__setattr__(self, "refused", refused)
        object.__setattr__(self, "renamed", renamed)
        object.__setattr__(self, "prompts", self.dialect if isinstance(self.dialect, PromptDialect) else None)
        object.__setattr__(self, "relays", self.dialect if isinstance(self.dialect, RelayDialect) else None)


@dataclass(frozen=True, slots=True)
class VersionQuestion:
    """How to learn the version of a target that the form of a request depends on."""

    field: str
    """The request's field whose form it decides."""
    url: str
    """What to GET."""
    read: Callable[[bytes], str]
    """The version out of the answer's body; empty where it does not say one."""
    setting: str
    """The key of parley.yaml that says it, so that nobody has to be asked."""


class VersionNeededError(Exception):
    """A request's form depends on the target's version, and the target does not say which it has."""

    def __init__(self, question: VersionQuestion) -> None:
        super().__init__(question.field)
        self.question = question


class Decoder(Protocol):
    """Turns one answer's bytes into chunks. Holds that answer's state; never reused."""

    @property
    def done(self) -> bool:
        """Whether the vendor's end mark was seen, so that nothing more is to be read."""
        ...

    def feed(self, data: bytes) -> list[Piece]:
        """The chunks that these bytes complete.

        ApiError where the vendor tells of an error or is malformed; chunks before it are returned first,
        and the error is raised by the next call.
        """
        ...

    def close(self) -> list[Piece]:
        """The chunks that the end of the bytes completes; to be called until there are none.

        ApiError where the answer was cut short.
        """
        ...


class Dialect(Protocol):
    """One vendor's wire format. Opens no socket, reads no clock, retries nothing."""

    @property
    def fields(self) -> Fields:
        """What becomes of each field of a request. `encode` never sees those that are refused."""
        ...

    @property
    def families(self) -> Families:
        """Models that treat some fields in another way."""
        ...

    @property
    def needs_image_bytes(self) -> bool:
        """Whether the vendor fetches no images, so that `encode` wants data: URLs in place of http(s) ones."""
        ...

    def encode(self, request: CompletionRequest, target: Target, *, stream: bool) -> HttpCall:
        """The vendor's form of a request. ApiError (UNSUPPORTED) for what it has no form for.

        VersionNeededError where the form depends on `target.version`, which is empty.
        """
        ...

    def decoder(self, request: CompletionRequest, target: Target, *, stream: bool, content_type: str) -> Decoder:
        """A decoder for one successful answer.

        :param content_type: what the vendor says that it sends, which may not be what was asked for.
        """
        ...

    def error(self, target: Target, status: int, headers: Mapping[str, str], body: bytes) -> ApiError:
        """What an answer with an error status means. Header names are in lower case."""
        ...


@runtime_checkable
class PromptDialect(Dialect, Protocol):
    """A dialect whose vendor goes on with any text, so that the service can render a caller's own chat template."""

    @property
    def special_tokens(self) -> Mapping[str, str]:
        """The texts of the model's special tokens, by the names that templates know them under."""
        ...

    def with_prompt(self, prompt: str) -> Dialect:
        """The dialect for one conversation that has been rendered: it sends this text instead of the messages."""
        ...


@runtime_checkable
class RelayDialect(Protocol):
    """A dialect whose vendor is a service of this kind itself, with the same metadata of requests and answers."""

    def relaying(self, metadata: Mapping[str, str], note: Callable[[Mapping[str, str]], None]) -> Dialect:
        """The dialect for one request.

        :param metadata: what the caller's metadata say that is for the vendor too.
        :param note: hears the metadata that the answer begins with, before its first chunk, and that it ends with.
        """
        ...
