"""`parley up`: everything, on this machine, until it is told to stop."""

import asyncio
import sys
from pathlib import Path

import click

from service.cli import options
from service.config import Config, ConfigError, load
from service.config.values import Address
from service.routing.table import RoutingError, build
from service.supervisor import up


@click.command("up")
@options.config_file
@click.option("-p", "--port", type=click.IntRange(1, 65535), help="Listen on this port instead of the file's.")
@click.option("-w", "--workers", type=click.IntRange(1, 256), help="Start this many workers instead of the file's.")
def command(path: Path | None, port: int | None, workers: int | None) -> None:
    """Start Envoy, the workers and, where it is asked for, the embedded model; stop them all at Ctrl-C.

    \b
    Example:
      parley up
      parley up --config parley.yaml --port 18080
    """  # noqa: D301
    file = options.chosen_file(path)
    try:
        config = load(file)
        build(config)
    except (ConfigError, RoutingError) as error:
        sys.exit(str(error) if isinstance(error, ConfigError) else f"{file}: {error}")
    sys.exit(asyncio.run(up(_changed(config, port, workers), config_path=file, announce=click.echo)))


def _changed(config: Config, port: int | None, workers: int | None) -> Config:
    changes: dict[str, object] = {}
    if port is not None:
        changes["listen"] = Address(config.listen.host, port)
    if workers is not None:
        changes["workers"] = workers
    return config.model_copy(update=changes)
