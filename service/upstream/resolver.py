"""Looks names up as the system does, one look-up for each name at a time, none of which waits behind another's."""

import asyncio
import errno
import ipaddress
import socket
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

SocketAddress = tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes] | str
"""As the socket module has it, by family."""

_MOST_NAMES = 4096
"""How many names are known at a time; the one asked for longest ago is forgotten."""


@dataclass(frozen=True, slots=True)
class Place:
    """One address of a host."""

    family: int
    address: SocketAddress


Found = Sequence[tuple[int, str, int, int]]
"""Addresses of a host: family, address, flow and scope, the last two 0 for IPv4."""


@dataclass(frozen=True, slots=True)
class DnsTimes:
    """How long what was found is used. Seconds."""

    fresh: float = 30.0
    """Before a name is asked for again, while its known addresses still serve."""
    stale: float = 24 * 3600.0
    """For which known addresses serve while nobody can say whether they still hold (RFC 8767)."""
    failed: float = 1.0
    """For which a name that could not be resolved is not asked for again."""


@dataclass(slots=True)
class _Name:
    """What is known of a name."""

    found: Found = ()
    since: float = 0.0
    """When it was found."""
    again: float = 0.0
    """When it is to be asked for again."""
    error: OSError | UnicodeError | None = None
    """Why the last look-up found nothing."""
    lookup: "asyncio.Future[None] | None" = None
    """The look-up under way."""
    turn: int = 0
    """How often it was given out: connections are spread over all of its addresses."""


class Resolver:
    """Keeps the addresses of names. Belongs to one event loop.

    The system's own look-up blocks, for half a minute or more where no nameserver answers, so that each has a thread
    of its own, which ends when the system gives up. It knows what no other does: /etc/hosts, nsswitch.conf, and the
    search domains that Kubernetes sets.

    :param most: threads at a time; more names wait for one. Default: as many as there are names, which is right where
        names come from the configuration.
    """

    def __init__(self, times: DnsTimes | None = None, most: int | None = None) -> None:
        self._times = times or DnsTimes()
        self._names: OrderedDict[str, _Name] = OrderedDict()
        self._places = None if most is None else asyncio.Semaphore(most)
        self._tasks: set[asyncio.Task[None]] = set()

    async def resolve(self, host: str, port: int) -> Sequence[Place]:
        """The addresses of a host; each call begins with another one of the kind that the system prefers.

        OSError or UnicodeError where there are none. Addresses that are known are given at once, however long a new
        look-up takes. Cancelling it ends no look-up: others may wait for it.
        """
        if literal := _literal(host):
            return [_place(literal, port)]
        name = self._names.get(host)
        if name is None:
            name = self._names[host] = _Name()
            if len(self._names) > _MOST_NAMES:
                self._names.popitem(last=False)
        self._names.move_to_end(host)
        now = asyncio.get_running_loop().time()
        if name.found and now >= name.since + self._times.stale:
            name.found = ()
        if now >= name.again and name.lookup is None:
            self._ask(host, name)
        if not name.found:
            if name.lookup is not None:
                await asyncio.shield(name.lookup)
            if name.error is not None and not name.found:
                # Each who waited raises it, and none may see what the others added to it.
                raise type(name.error)(*name.error.args)
        turn, name.turn = name.turn, name.turn + 1
        return [_place(each, port) for each in _rotated(name.found, turn)]

    def doubt(self, host: str) -> None:
        """Has a name asked for anew, since none of its addresses answers: perhaps it has moved."""
        name = self._names.get(host)
        if name is None or name.lookup is not None:
            return
        # Not for each of many connections that fail.
        if asyncio.get_running_loop().time() >= name.since + self._times.failed:
            self._ask(host, name)

    def _ask(self, host: str, name: _Name) -> None:
        loop = asyncio.get_running_loop()
        name.lookup = loop.create_future()
        task = loop.create_task(self._look_up(host, name, name.lookup))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _look_up(self, host: str, name: _Name, done: "asyncio.Future[None]") -> None:
        loop, times = asyncio.get_running_loop(), self._times
        try:
            if self._places is not None:
                await self._places.acquire()
            try:
                found = await _in_thread(loop, lambda: _found(host))
            finally:
                if self._places is not None:
                    self._places.release()
        except (OSError, UnicodeError) as error:
            name.error = error
            name.again = loop.time() + times.failed
            if _says_no(error):
                # An answer, unlike silence: there is no such name any more.
                name.found = ()
        else:
            name.found, name.error = found, None
            name.since = loop.time()
            name.again = name.since + times.fresh
        finally:
            name.lookup = None
            if not done.done():
                done.set_result(None)


async def _in_thread(loop: asyncio.AbstractEventLoop, work: Callable[[], Found]) -> Found:
    """Like asyncio.to_thread, but in a thread that no other work, and no process that ends, waits for."""
    future: asyncio.Future[Found] = loop.create_future()

    def tell(found: Found, error: Exception | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(found)

    def run() -> None:
        found, problem = cast("Found", ()), None
        try:
            found = work()
        except (OSError, UnicodeError) as error:
            problem = error
        except Exception as error:  # noqa: BLE001  # whoever waits must hear of it
            problem = OSError(type(error).__name__)
        try:
            loop.call_soon_threadsafe(tell, found, problem)
        except RuntimeError:
            # The event loop is closed: nobody waits any more.
            return

    try:
        threading.Thread(target=run, name="look-up", daemon=True).start()
    except RuntimeError:
        raise OSError(errno.EAGAIN, "no thread is left for it") from None
    return await future


def _found(host: str) -> Found:
    """Blocks. The families take turns, so that a broken IPv6 costs one turn; the system's preference begins."""
    answer = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    kept: dict[tuple[int, str, int, int], None] = {}
    for family, _, _, _, where in answer:
        if family in {socket.AF_INET, socket.AF_INET6}:
            flow, scope = (int(where[2]), int(where[3])) if len(where) == 4 else (0, 0)
            kept[family, str(where[0]), flow, scope] = None
    if not kept:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    return tuple(kept)


def _rotated(found: Found, turn: int) -> Found:
    first = [each for each in found if each[0] == found[0][0]]
    other = [each for each in found if each[0] != found[0][0]]
    first, other = _from(first, turn), _from(other, turn)
    mixed: list[tuple[int, str, int, int]] = []
    while first or other:
        mixed += first[:1] + other[:1]
        first, other = first[1:], other[1:]
    return mixed


def _from(places: list[tuple[int, str, int, int]], turn: int) -> list[tuple[int, str, int, int]]:
    at = turn % len(places) if places else 0
    return places[at:] + places[:at]


def _place(found: tuple[int, str, int, int], port: int) -> Place:
    family, address, flow, scope = found
    return Place(family, (address, port) if family == socket.AF_INET else (address, port, flow, scope))


def _literal(host: str) -> tuple[int, str, int, int] | None:
    """An address that stands in place of a name."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    if address.version == 4:
        return (socket.AF_INET, str(address), 0, 0)
    scope = host.partition("%")[2]
    number = int(scope) if scope.isdigit() else socket.if_nametoindex(scope) if scope else 0
    return (socket.AF_INET6, str(address), 0, number)


def _says_no(error: Exception) -> bool:
    return isinstance(error, socket.gaierror) and error.errno in {
        socket.EAI_NONAME,
        getattr(socket, "EAI_NODATA", socket.EAI_NONAME),
    }
