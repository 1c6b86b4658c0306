"""Envoy as it is configured, against a real Envoy and a worker that answers what the test says."""
