"""Names: none waits for another, known addresses serve while they are asked anew, connections are spread over all."""

import asyncio
import socket
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass, field

import pytest

from service.upstream.resolver import DnsTimes, Resolver
from tests.upstream.stage import PATIENCE, Stage, read_all, staged
from tests.vendor import raw

ALWAYS_ANEW = DnsTimes(fresh=0, failed=0)

Answer = list[str] | OSError | threading.Event
"""Addresses, a failure, or what is waited for before `127.0.0.9` is the answer."""


@dataclass(slots=True)
class Nameserver:
    """What the system would say of names. For this machine's own, it says what it always does."""

    names: dict[str, Answer] = field(default_factory=dict[str, Answer])
    asked: list[str] = field(default_factory=list[str])
    hung: list[threading.Event] = field(default_factory=list[threading.Event])

    def hang(self, name: str) -> threading.Event:
        self.names[name] = event = threading.Event()
        self.hung.append(event)
        return event


@pytest.fixture
def nameserver(monkeypatch: pytest.MonkeyPatch) -> Generator[Nameserver]:
    made = Nameserver()
    system = socket.getaddrinfo

    def getaddrinfo(host: str, port: int | None, **options: int) -> object:
        if host not in made.names:
            return system(host, port, **options)
        made.asked.append(host)
        answer = made.names[host]
        if isinstance(answer, threading.Event):
            assert answer.wait(PATIENCE)
            answer = ["127.0.0.9"]
        if isinstance(answer, OSError):
            raise answer
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (each, 0, 0, 0))
            if ":" in each
            else (socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, 0))
            for each in answer
        ]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    yield made
    for event in made.hung:
        event.set()


async def hosts(resolver: Resolver, name: str) -> list[str]:
    async with asyncio.timeout(PATIENCE):
        return [str(place.address[0]) for place in await resolver.resolve(name, 80)]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110  # a thread makes it true
            await asyncio.sleep(0.001)


async def becomes(resolver: Resolver, name: str, address: str) -> None:
    """Waits until a name has another address; no address at all is as none."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                found = await hosts(resolver, name)
            except OSError:
                found = [""]
            if found == [address]:
                return
            await asyncio.sleep(0.001)


async def test_no_name_waits_for_another(nameserver: Nameserver) -> None:
    resolver = Resolver()
    for number in range(40):
        nameserver.hang(f"hung{number}.example")
    waiting = [asyncio.ensure_future(resolver.resolve(f"hung{number}.example", 80)) for number in range(40)]
    await until(lambda: len(nameserver.asked) == 40)
    nameserver.names["fine.example"] = ["127.0.0.1"]
    assert await hosts(resolver, "fine.example") == ["127.0.0.1"]
    assert not any(each.done() for each in waiting)


async def test_a_name_is_asked_for_once_by_all_who_wait(nameserver: Nameserver) -> None:
    resolver = Resolver()
    gate = nameserver.hang("slow.example")
    given_up = asyncio.ensure_future(resolver.resolve("slow.example", 80))
    await until(lambda: bool(nameserver.asked))
    given_up.cancel()
    with pytest.raises(asyncio.CancelledError):
        await given_up
    waiting = [asyncio.ensure_future(hosts(resolver, "slow.example")) for _ in range(10)]
    await asyncio.sleep(0)
    gate.set()
    assert await asyncio.gather(*waiting) == [["127.0.0.9"]] * 10
    assert nameserver.asked == ["slow.example"]


async def test_known_addresses_serve_while_they_are_asked_anew(nameserver: Nameserver) -> None:
    resolver = Resolver(ALWAYS_ANEW)
    nameserver.names["moves.example"] = ["127.0.0.1"]
    assert await hosts(resolver, "moves.example") == ["127.0.0.1"]
    gate = nameserver.hang("moves.example")
    for _ in range(3):
        assert await hosts(resolver, "moves.example") == ["127.0.0.1"]
    await until(lambda: len(nameserver.asked) == 2)
    gate.set()
    await becomes(resolver, "moves.example", "127.0.0.9")


FAILURES: list[tuple[OSError, bool]] = [
    (socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"), True),
    (socket.gaierror(socket.EAI_FAIL, "Non-recoverable failure in name resolution"), True),
    (socket.gaierror(socket.EAI_SYSTEM, "System error"), True),
    (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), False),
]


@pytest.mark.parametrize(("failure", "serves"), FAILURES, ids=str)
async def test_known_addresses_outlive_what_says_nothing_of_the_name(
    nameserver: Nameserver, failure: OSError, *, serves: bool
) -> None:
    resolver = Resolver(ALWAYS_ANEW)
    nameserver.names["a.example"] = ["127.0.0.1"]
    await resolver.resolve("a.example", 80)
    nameserver.names["a.example"] = failure
    await resolver.resolve("a.example", 80)
    await until(lambda: len(nameserver.asked) == 2)
    await becomes(resolver, "a.example", "127.0.0.1" if serves else "")


async def test_known_addresses_do_not_serve_for_ever(nameserver: Nameserver) -> None:
    resolver = Resolver(DnsTimes(fresh=0, stale=0, failed=0))
    nameserver.names["a.example"] = ["127.0.0.1"]
    await resolver.resolve("a.example", 80)
    nameserver.names["a.example"] = socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
    with pytest.raises(socket.gaierror):
        await resolver.resolve("a.example", 80)


async def test_a_name_that_failed_is_not_asked_for_by_each_request(nameserver: Nameserver) -> None:
    resolver = Resolver(DnsTimes(failed=3600))
    nameserver.names["no.example"] = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    for _ in range(5):
        with pytest.raises(socket.gaierror, match="not known"):
            await resolver.resolve("no.example", 80)
    assert nameserver.asked == ["no.example"]


async def test_doubt_asks_anew(nameserver: Nameserver) -> None:
    resolver = Resolver(DnsTimes(fresh=3600, failed=0))
    nameserver.names["a.example"] = ["127.0.0.1"]
    assert await hosts(resolver, "a.example") == ["127.0.0.1"]
    nameserver.names["a.example"] = ["127.0.0.2"]
    assert await hosts(resolver, "a.example") == ["127.0.0.1"]
    resolver.doubt("a.example")
    await becomes(resolver, "a.example", "127.0.0.2")


async def test_look_ups_can_be_bounded(nameserver: Nameserver) -> None:
    resolver = Resolver(most=2)
    gates = [nameserver.hang(f"hung{number}.example") for number in range(3)]
    waiting = [asyncio.ensure_future(hosts(resolver, f"hung{number}.example")) for number in range(3)]
    await until(lambda: len(nameserver.asked) == 2)
    await asyncio.sleep(0)
    assert len(nameserver.asked) == 2
    for gate in gates:
        gate.set()
    assert await asyncio.gather(*waiting) == [["127.0.0.9"]] * 3


TURNS = (
    (["127.0.0.1", "127.0.0.2"], ["127.0.0.1 127.0.0.2", "127.0.0.2 127.0.0.1", "127.0.0.1 127.0.0.2"]),
    (["::1", "127.0.0.1", "::2", "::1"], ["::1 127.0.0.1 ::2", "::2 127.0.0.1 ::1", "::1 127.0.0.1 ::2"]),
)


@pytest.mark.parametrize(("addresses", "orders"), TURNS, ids=["one_family", "families_take_turns"])
async def test_addresses_take_turns(nameserver: Nameserver, addresses: list[str], orders: list[str]) -> None:
    resolver = Resolver()
    nameserver.names["many.example"] = addresses
    assert [" ".join(await hosts(resolver, "many.example")) for _ in orders] == orders


@pytest.mark.parametrize("literal", ["127.0.0.1", "::1", "fe80::1%1"])
async def test_an_address_is_no_name(nameserver: Nameserver, literal: str) -> None:
    assert await hosts(Resolver(), literal) == [literal.partition("%")[0]]


@staged
async def test_a_vendor_is_reached_while_another_does_not_resolve(stage: Stage, nameserver: Nameserver) -> None:
    nameserver.names["fine.example"] = ["127.0.0.1"]
    nameserver.hang("hung.example")
    stage.vendor.always(raw(200, b"fine", {}))
    hung = [asyncio.ensure_future(stage.send(target=stage.target("http://hung.example"))) for _ in range(10)]
    await until(lambda: bool(nameserver.asked))
    fine = stage.target(stage.vendor.base_url.replace("127.0.0.1", "fine.example"))
    for _ in range(3):
        assert (await read_all(await stage.send(headers={"connection": "close"}, target=fine))).body == b"fine"
    assert nameserver.asked.count("hung.example") == 1
    for each in hung:
        each.cancel()
    await asyncio.gather(*hung, return_exceptions=True)


@staged
async def test_connections_are_spread_over_a_names_addresses(stage: Stage, nameserver: Nameserver) -> None:
    nameserver.names["many.example"] = ["127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4"]
    seen: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(writer.get_extra_info("sockname")[0])
        await reader.readuntil(b"{}")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "0.0.0.0", 0)
    async with server:
        target = stage.target(f"http://many.example:{server.sockets[0].getsockname()[1]}")
        for _ in range(8):
            await read_all(await stage.send(target=target))
    assert sorted(seen) == sorted(2 * ["127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4"])
