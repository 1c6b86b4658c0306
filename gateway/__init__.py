"""Envoy, the edge: what it is told (render), what it transcodes by (descriptor) and how it runs (process)."""

from gateway.process import active_requests, command, drain, ready
from gateway.render import Address, render

__all__ = ["Address", "active_requests", "command", "drain", "ready", "render"]
