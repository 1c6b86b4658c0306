"""Starts, watches and stops the processes of one machine: engine, workers and Envoy."""

from service.supervisor.up import up

__all__ = ["up"]
