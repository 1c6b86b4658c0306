"""One worker: the gRPC server behind Envoy, on its own unix socket."""

import argparse
import asyncio
import logging
import signal
import sys
import time
from pathlib import Path

import grpc.aio
import uvloop
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from parley.chat.v1 import chat_service_pb2, model_service_pb2, rest_service_pb2
from parley.chat.v1.chat_service_pb2_grpc import add_ChatServiceServicer_to_server
from parley.chat.v1.model_service_pb2_grpc import add_ModelServiceServicer_to_server
from parley.chat.v1.rest_service_pb2_grpc import add_RestServiceServicer_to_server

from service import log
from service.auth import Keyring
from service.config import Config, ConfigError, load
from service.faces import ChatFace, ModelFace, RestFace
from service.pipeline import Pipeline
from service.pipeline.report import Policy
from service.routing import Router
from service.routing.table import RoutingError, build
from service.upstream import Driver, HttpTransport, ImageFetcher

MAX_MESSAGE = 72 * 1024 * 1024
"""Most bytes of one message: the edge's limit of a body (64 MiB), and some for what frames it."""

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


async def serve(config: Config, *, address: str, local_socket: Path | None) -> None:
    """Serves until SIGTERM or SIGINT, then lets the streams in flight finish within `config.drain`.

    :param address: as gRPC names addresses: `unix:/path` or `127.0.0.1:50051`.
    :param local_socket: where the embedded model's engine listens.
    """
    router = Router(build(config, local_socket=local_socket))
    transport = HttpTransport()
    policy = Policy(config.unsupported) if config.unsupported else None
    pipeline = Pipeline(router, Driver(transport), policy, images=ImageFetcher(config.fetch_images))
    keyring = Keyring(config.keys)
    server = grpc.aio.server(
        options=(
            ("grpc.max_receive_message_length", MAX_MESSAGE),
            ("grpc.max_send_message_length", MAX_MESSAGE),
            ("grpc.max_concurrent_streams", 10_000),
            # Below these, grpc-core cancels calls at random once many arrive at once.
            ("grpc.server.max_pending_requests", 100_000),
            ("grpc.server.max_pending_requests_hard_limit", 100_000),
        )
    )
    add_ChatServiceServicer_to_server(ChatFace(pipeline, keyring), server)
    add_RestServiceServicer_to_server(RestFace(pipeline, keyring, config.keep_alive), server)
    add_ModelServiceServicer_to_server(ModelFace(router, keyring, int(time.time())), server)
    healthy = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(healthy, server)
    reflection.enable_server_reflection((*_SERVICES, reflection.SERVICE_NAME), server)
    server.add_insecure_port(address)

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await server.start()
    for service in ("", *_SERVICES):
        await healthy.set(service, health_pb2.HealthCheckResponse.SERVING)
    _log.info("ready", extra={"fields": {"address": address}})
    await stop.wait()
    _log.info("draining", extra={"fields": {"seconds": config.drain}})
    await healthy.enter_graceful_shutdown()
    await server.stop(config.drain)
    await transport.close()


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
    arguments = parser.parse_args()
    log.configure()
    runtime_dir: Path = arguments.runtime_dir
    try:
        config = load(arguments.config)
        coroutine = serve(
            config,
            address=f"unix:{runtime_dir / f'worker-{arguments.index}.sock'}",
            local_socket=runtime_dir / "local.sock",
        )
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(coroutine)
    except (ConfigError, RoutingError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
