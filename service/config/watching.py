"""What parley.yaml may say of watching the service: metrics, traces, and the processes themselves."""

import os
from typing import Annotated

from pydantic import BaseModel, Field

from service.config.strict import STRICT
from service.config.values import Address, Duration, ListenAddress

URL = r"^https?://"

Url = Annotated[str, Field(pattern=URL)]


class _Strict(BaseModel):
    model_config = STRICT


class Metrics(_Strict):
    """Prometheus metrics, on a port of their own that needs no key: they hold names of models, and no secrets."""

    listen: Annotated[ListenAddress, Field(description="Serves /metrics, and Envoy's own at /metrics/envoy.")] = (
        Address("127.0.0.1", 9464)
    )


class Tracing(_Strict):
    """OpenTelemetry traces, sent over OTLP. Prompts, answers and keys are not in them."""

    endpoint: Annotated[
        Url | None,
        Field(
            description="An OTLP receiver's gRPC address, such as http://127.0.0.1:4317. "
            "Default: the environment's OTEL_EXPORTER_OTLP_ENDPOINT; without either, nothing is traced."
        ),
    ] = None
    sample: Annotated[
        float, Field(ge=0, le=1, description="Share of the requests; a caller's `traceparent` decides for its own.")
    ] = 0.1
    propagate: Annotated[
        bool,
        Field(
            description="Whether the vendor is sent `traceparent` and `tracestate`; without a receiver, the caller's."
        ),
    ] = True
    content: Annotated[bool, Field(description="Whether prompts and answers are in the traces after all.")] = False
    edge: Annotated[bool, Field(description="Whether Envoy adds a span of its own.")] = False

    @property
    def receiver(self) -> str | None:
        """Where traces go; None where nothing is traced."""
        return self.endpoint or os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or None


class Watchdog(_Strict):
    """When a process that runs but does not answer is ended and started again."""

    interval: Annotated[Duration, Field(description="How often each is asked.")] = 2.0
    limit: Annotated[
        Duration, Field(description="For how long it may owe an answer. One that is merely busy answers late.")
    ] = 15.0
