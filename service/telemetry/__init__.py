"""What operators see of a running service: metrics for Prometheus and traces for OpenTelemetry."""
