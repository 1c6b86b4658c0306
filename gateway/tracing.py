"""Has Envoy make a span of its own for each request, and send it where the service's spans go."""

from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

_TYPES = "type.googleapis.com/envoy"
CLUSTER = "otlp"

_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
"""Where Debian and what comes of it, Envoy's own images among them, keep the certificates of authorities."""

Node = dict[str, object]


@dataclass(frozen=True, slots=True)
class EdgeTracing:
    """Where Envoy's spans go."""

    host: str
    port: int
    tls: bool
    sample: float
    """Share, in [0, 1], of the requests that come without a trace context; with one, its flag decides."""

    @classmethod
    def to(cls, receiver: str, *, sample: float) -> Self:
        """For an OTLP receiver's gRPC address, such as http://127.0.0.1:4317. ValueError where it is none."""
        parts = urlsplit(receiver)
        if not parts.hostname:
            raise ValueError(
                f"tracing: expected the address of a receiver such as http://127.0.0.1:4317, got {receiver!r}"
            )
        return cls(parts.hostname, parts.port or 4317, parts.scheme == "https", sample)


def add_tracing(manager: Node, clusters: list[object], tracing: EdgeTracing) -> None:
    """Adds it to the settings of an HTTP connection manager, and the receiver to the clusters."""
    manager["tracing"] = {
        "provider": {
            "name": "envoy.tracers.opentelemetry",
            "typed_config": {
                "@type": f"{_TYPES}.config.trace.v3.OpenTelemetryConfig",
                "grpc_service": {"envoy_grpc": {"cluster_name": CLUSTER}, "timeout": "5s"},
                "service_name": "parley-edge",
            },
        },
        "random_sampling": {"value": tracing.sample * 100},
        "custom_tags": [{"tag": "parley.request_id", "request_header": {"name": "x-request-id"}}],
    }
    # A caller's request id is not ours to write the sampling decision into.
    manager["request_id_extension"] = {
        "typed_config": {
            "@type": f"{_TYPES}.extensions.request_id.uuid.v3.UuidRequestIdConfig",
            "pack_trace_reason": False,
        }
    }
    clusters.append(_cluster(tracing))


def _cluster(tracing: EdgeTracing) -> Node:
    http2: Node = {"explicit_http_config": {"http2_protocol_options": {}}}
    address = {"socket_address": {"address": tracing.host, "port_value": tracing.port}}
    cluster: Node = {
        "name": CLUSTER,
        "type": "STRICT_DNS",
        "connect_timeout": "2s",
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": f"{_TYPES}.extensions.upstreams.http.v3.HttpProtocolOptions",
                **http2,
            }
        },
        "load_assignment": {
            "cluster_name": CLUSTER,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
        },
    }
    if tracing.tls:
        cluster["transport_socket"] = {
            "name": "envoy.transport_sockets.tls",
            "typed_config": {
                "@type": f"{_TYPES}.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
                "sni": tracing.host,
                "common_tls_context": {
                    # Without them Envoy takes any certificate.
                    "validation_context": {
                        "trusted_ca": {"filename": _AUTHORITIES},
                        "match_typed_subject_alt_names": [{"san_type": "DNS", "matcher": {"exact": tracing.host}}],
                    },
                    "alpn_protocols": ["h2"],
                },
            },
        }
    return cluster
