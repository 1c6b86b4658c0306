"""What happens to every request between the faces and the vendors: authenticate, prepare, complete, account."""

from service.pipeline.context import RequestContext
from service.pipeline.pipeline import Pipeline

__all__ = ["Pipeline", "RequestContext"]
