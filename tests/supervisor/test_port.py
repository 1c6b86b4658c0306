import socket

import pytest

from service.config.values import Address
from service.supervisor.port import PortError, claim


@pytest.mark.parametrize("shared", [False, True], ids=["taken", "taken by one that shares"])
def test_a_port_in_use_is_named_with_what_to_do(shared: bool) -> None:
    with socket.socket() as other:
        if shared:
            # As Envoy listens: another Envoy could join in.
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PortError) as caught:
            claim(Address("127.0.0.1", port))
    says = str(caught.value)
    assert f"127.0.0.1:{port} is in use" in says
    assert f"--port {port + 1 if port < 65535 else 8080}" in says


def test_a_free_port_stays_free_for_envoy() -> None:
    address = claim(Address("127.0.0.1", 0))
    assert address.port > 0
    assert claim(address) == address


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0", "::1"])
def test_every_kind_of_address_is_understood(host: str) -> None:
    assert claim(Address(host, 0)).host == host


def test_an_address_of_another_machine_is_named() -> None:
    with pytest.raises(PortError, match="is no address of this machine"):
        claim(Address("192.0.2.1", 8080))
