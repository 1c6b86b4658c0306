"""Starts, watches and stops the processes of one machine: engine, workers and Envoy."""

from service.supervisor.source import Source
from service.supervisor.up import serve, up

__all__ = ["Source", "serve", "up"]
