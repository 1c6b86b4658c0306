"""What callers see: typed gRPC, and JSON with server-sent events."""

from service.faces.chat import ChatFace
from service.faces.models import ModelFace
from service.faces.rest import RestFace
from service.faces.serving import Serving

__all__ = ["ChatFace", "ModelFace", "RestFace", "Serving"]
