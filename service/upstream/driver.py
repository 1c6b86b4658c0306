"""Carries requests to vendors, for every dialect: the only code of the service that opens a socket to one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from parley.chat.v1.completion_pb2 import CompletionRequest

from service.backends.dialect import HttpCall, Target
from service.upstream.authentication import Authenticator, put_key
from service.upstream.transport import Response, Transport
from service.upstream.vendor_answer import VendorAnswer
from service.upstream.versions import Versions
from service.waiting import Waiting

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Driver:
    """Holds no state of a request, so that any number of them may run at once."""

    transport: Transport
    authenticator: Authenticator = field(default_factory=Authenticator)
    versions: Versions = field(default_factory=Versions)

    def run(
        self,
        request: CompletionRequest,
        target: Target,
        *,
        stream: bool,
        request_id: str,
        deadline: float,
        headers: Mapping[str, str] = _NO_HEADERS,
        waiting: Waiting | None = None,
        on_resend: Callable[[], None] | None = None,
    ) -> VendorAnswer:
        """The answer, which is asked for when its first batch is. Its parameters are those of VendorAnswer."""
        return VendorAnswer(
            self._send,
            self.versions,
            request,
            target,
            stream=stream,
            request_id=request_id,
            deadline=deadline,
            headers=headers,
            waiting=waiting or Waiting(),
            on_resend=on_resend,
        )

    async def _send(self, call: HttpCall, target: Target) -> Response:
        # Most credentials are keys, which nothing has to be awaited for.
        if not put_key(call, target):
            await self.authenticator.authenticate(call, target, self.transport.send)
        return await self.transport.send(call, target)
