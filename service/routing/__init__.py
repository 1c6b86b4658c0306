"""From the name of a model to the places where it is served."""

from service.routing.router import Route, Router

__all__ = ["Route", "Router"]
