"""How the commands call a running Parley: over gRPC, as any calling service would."""

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager

import grpc


def metadata() -> tuple[tuple[str, str], ...]:
    """The caller's key out of PARLEY_API_KEY; a key never stands on a command line."""
    key = os.environ.get("PARLEY_API_KEY")
    return (("x-api-key", key),) if key else ()


@contextmanager
def channel(server: str) -> Generator[grpc.Channel]:
    """A channel to a server; an error of a call ends the command with a sentence and exit code 1.

    :param server: `HOST:PORT`, or as `parley up` prints it, `http://HOST:PORT`; `https://` for TLS.
    """
    scheme, _, rest = server.rpartition("://")
    address = rest.rstrip("/")
    if scheme == "https":
        opening = grpc.secure_channel(address, grpc.ssl_channel_credentials())
    elif scheme in {"", "http"}:
        opening = grpc.insecure_channel(address)
    else:
        sys.exit(f"--server: expected HOST:PORT, http://HOST:PORT or https://HOST, got {scheme}://…")
    with opening as opened:
        try:
            yield opened
        except grpc.RpcError as error:
            sys.exit(_sentence(error, server))


def _sentence(error: grpc.RpcError, server: str) -> str:
    if not isinstance(error, grpc.Call):
        return str(error)
    code, details = error.code(), error.details() or ""
    if code is grpc.StatusCode.UNAVAILABLE and "connect" in details.lower():
        return f"no Parley at {server}; start one with `parley up`, or name another with --server"
    if code is grpc.StatusCode.UNAUTHENTICATED:
        return f"{details}; set PARLEY_API_KEY to your key"
    return f"{code.name.lower()}: {details}"
