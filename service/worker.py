"""One worker: the gRPC server behind Envoy, on its own unix socket."""

import argparse
import asyncio
import contextlib
import gc
import logging
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import grpc.aio
import uvloop
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from parley.chat.v1 import chat_service_pb2, model_service_pb2, rest_service_pb2
from parley.chat.v1.chat_service_pb2_grpc import add_ChatServiceServicer_to_server
from parley.chat.v1.model_service_pb2_grpc import add_ModelServiceServicer_to_server

from service import log
from service.config import ConfigError
from service.config.snapshot import NAME, Loaded, Snapshot
from service.configured import Configured, Maker
from service.control import answering, reply
from service.control.channel import Handler
from service.control.worker import FACTS, TAKE, WorkerFacts, control_socket
from service.errors import bounds
from service.faces import ChatFace, ModelFace, RestFace
from service.local.engine import SOCKET
from service.reflection import serve_reflection
from service.routing.table import RoutingError
from service.telemetry.snapshot import METRICS, FamilyData
from service.telemetry.worker_telemetry import WorkerTelemetry
from service.upstream import Driver, GrpcTransport, SchemeTransport, http_transport

MAX_MESSAGE = 72 * 1024 * 1024
"""Most bytes of one message: the edge's limit of a body (64 MiB), and some for what frames it."""

_GARBAGE = 10_000
"""Objects, each of about 100 bytes, that may have come up since the collector looked for circles among them."""

_SERVICES = tuple(
    module.DESCRIPTOR.services_by_name[name].full_name
    for module, name in (
        (chat_service_pb2, "ChatService"),
        (model_service_pb2, "ModelService"),
        (rest_service_pb2, "RestService"),
        (health_pb2, "Health"),
    )
)

_log = logging.getLogger("parley.worker")


@dataclass(frozen=True, slots=True)
class Control:
    """How a supervisor asks a worker."""

    socket: Path
    """Where it is asked."""
    snapshot: Path
    """Where it finds the configuration that it is to take."""


async def serve(
    snapshot: Snapshot,
    *,
    address: str,
    local_socket: Path | None,
    own_log: log.Log,
    control: Control | None = None,
    linger: float = 0.0,
) -> None:
    """Serves until SIGTERM or SIGINT, then lets the streams in flight finish within the configuration's `drain`.

    :param address: as gRPC names addresses: `unix:/path` or `127.0.0.1:50051`.
    :param local_socket: where the embedded model's engine listens.
    :param own_log: where requests are logged.
    :param control: how the supervisor asks it to take another configuration. Default: it keeps the one that it has.
    :param linger: seconds for which it still takes requests once its health says that it stops.
    """
    config = snapshot.config()
    http, over_grpc = http_transport(config.transport), GrpcTransport()
    transport = SchemeTransport({"http": http, "https": http, "grpc": over_grpc, "grpcs": over_grpc})
    telemetry = WorkerTelemetry.of(config, own_log)
    configured = Configured(snapshot, Maker(Driver(transport), local_socket, accounting=telemetry.accounting))
    telemetry.watch(lambda: configured.serving.router, lambda: configured.loaded)
    server = grpc.aio.server(
        options=(
            ("grpc.max_receive_message_length", MAX_MESSAGE),
            ("grpc.max_send_message_length", MAX_MESSAGE),
            ("grpc.max_concurrent_streams", 10_000),
            # By default grpc-core refuses headers at random from 8 KiB on; the edge has the one limit.
            ("grpc.max_metadata_size", bounds.METADATA),
            ("grpc.absolute_max_metadata_size", 2 * bounds.METADATA),
            # Below these, grpc-core cancels calls at random once many arrive at once.
            ("grpc.server.max_pending_requests", 100_000),
            ("grpc.server.max_pending_requests_hard_limit", 100_000),
        )
    )
    add_ChatServiceServicer_to_server(ChatFace(configured.current), server)
    RestFace(configured.current).register(server)
    add_ModelServiceServicer_to_server(ModelFace(configured.current, int(time.time())), server)
    healthy = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(healthy, server)
    serve_reflection(_SERVICES, server)
    server.add_insecure_port(address)

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with contextlib.AsyncExitStack() as stack:
        if control is not None:
            await stack.enter_async_context(answering(control.socket, _answers(configured, telemetry, control)))
        await server.start()
        for service in ("", *_SERVICES):
            await healthy.set(service, health_pb2.HealthCheckResponse.SERVING)
        # What is there now stays: the collector need not look at it again and again. What requests leave to it is
        # little, and looking at those under way costs more the more often it is done.
        gc.freeze()
        gc.set_threshold(_GARBAGE)
        _log.info("ready", extra={"fields": {"address": address}})
        await stop.wait()
        drain = configured.config.drain
        _log.info("draining", extra={"fields": {"seconds": drain, "linger": linger}})
        await healthy.enter_graceful_shutdown()
        await asyncio.sleep(linger)
        await server.stop(drain)
    await transport.close()
    await telemetry.close()


def _answers(configured: Configured, telemetry: WorkerTelemetry, control: Control) -> dict[str, Handler]:
    async def take(generation: int) -> Loaded:
        return await configured.take(control.snapshot, generation)

    async def facts(_: None) -> WorkerFacts:
        return configured.facts()

    async def metrics(_: None) -> tuple[FamilyData, ...]:
        return telemetry.metrics()

    return dict((reply(TAKE, take), reply(FACTS, facts), reply(METRICS, metrics)))


def main() -> int:
    """Runs a worker. Exit code 2, and a sentence on stderr, where the configuration cannot be used."""
    parser = argparse.ArgumentParser(
        prog="python -m service.worker",
        description="One worker of Parley; `parley up` starts them.",
        epilog="example: python -m service.worker --runtime-dir /run/parley --index 0 --config parley.yaml",
    )
    parser.add_argument("--runtime-dir", type=Path, required=True, help="folder of the unix sockets")
    parser.add_argument("--index", type=int, required=True, help="number of this worker, from 0")
    parser.add_argument("--config", type=Path, help="parley.yaml; default: the embedded model alone")
    parser.add_argument("--snapshot", action="store_true", help=f"read {NAME} in that folder, now and when asked to")
    parser.add_argument("--linger", type=float, default=0.0, help="seconds to take requests while it stops; default 0")
    parser.add_argument("--log-descriptor", type=int, default=log.STDERR, help="where to log; default 2, stderr")
    arguments = parser.parse_args()
    own_log = log.configure(f"worker-{arguments.index}", arguments.log_descriptor)
    runtime_dir: Path = arguments.runtime_dir
    try:
        path = runtime_dir / NAME
        coroutine = serve(
            Snapshot.read(path) if arguments.snapshot else Snapshot.of(arguments.config),
            address=f"unix:{runtime_dir / f'worker-{arguments.index}.sock'}",
            local_socket=runtime_dir / SOCKET,
            control=Control(control_socket(runtime_dir, arguments.index), path) if arguments.snapshot else None,
            linger=arguments.linger,
            own_log=own_log,
        )
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(coroutine)
    except (ConfigError, RoutingError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
