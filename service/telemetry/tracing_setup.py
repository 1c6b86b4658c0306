"""Sets up tracing, and imports OpenTelemetry only there: where nothing is traced it costs neither time nor memory."""

from collections.abc import Callable

from service.config.watching import Tracing
from service.pipeline.trace import Tracer


def tracing(settings: Tracing, receiver: str) -> tuple[Tracer, Callable[[], None]]:
    """A tracer that sends from a thread of its own, and what ends it.

    :param receiver: an OTLP receiver's gRPC address.
    """
    from service.telemetry.tracing import OtlpTracer, provider_for  # noqa: PLC0415

    provider = provider_for(settings, receiver)
    return OtlpTracer(provider, settings), provider.shutdown
