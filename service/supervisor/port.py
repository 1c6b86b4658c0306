"""Checks the port before anything is started, because Envoy would share it in silence or fail a second later."""

import errno
import socket

from service.config.values import Address


class PortError(Exception):
    """The address cannot be listened on; the message says why, and what to do."""


def claim(address: Address) -> Address:
    """The address, with a free port instead of port 0. It is let go again, for Envoy to take.

    :raises PortError: it is in use, or this user or machine cannot have it.
    """
    try:
        family, _, _, _, target = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(target)
            # Two may bind one port with that option; only one may listen on it.
            probe.listen()
            port: int = probe.getsockname()[1]
    except OSError as error:
        raise PortError(_explain(address, error)) from error
    return Address(address.host, port)


def _explain(address: Address, error: OSError) -> str:
    other = address.port + 1 if 1024 <= address.port < 65535 else 8080
    instead = f"choose another port with PORT={other} or --port {other}"
    match error.errno:
        case errno.EADDRINUSE:
            return (
                f"{address} is in use, by another Parley or another program: stop that "
                f"(`ss -ltnp 'sport = :{address.port}'` names it), or {instead}"
            )
        case errno.EACCES:
            return f"{address} may not be listened on by this user: {instead}"
        case errno.EADDRNOTAVAIL:
            return f"{address} is no address of this machine: set `listen` to one that is, such as 127.0.0.1:{other}"
        case _:
            return f"{address} cannot be listened on: {error.strerror or error}"
