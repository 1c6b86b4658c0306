"""Unchanged official clients, each in an environment of its own, against a running service."""
