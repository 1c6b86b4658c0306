"""`parley serve`: everything but Envoy, which another container runs."""

import asyncio
import sys
from pathlib import Path
from typing import Literal

import click

from service.cli import options
from service.supervisor import Source, serve


@click.command("serve")
@options.config_file
@options.runtime_dir(required=True)
@options.workers
@click.option(
    "--linger",
    type=options.Seconds(),
    default="5s",
    show_default=True,
    help="How long requests are still taken after SIGTERM, while health checks fail, so that balancers notice.",
)
def command(path: Path | None, runtime_dir: Path, workers: int | Literal["auto"] | None, linger: float) -> None:
    """Start the workers and, where it is asked for, the embedded model, without Envoy in front of them.

    They serve gRPC on sockets in the runtime directory; `parley envoy-config` prints the configuration of an Envoy
    that listens in front of them. SIGHUP or a changed file loads the configuration anew. SIGTERM: health checks fail
    at once, requests are taken for as long as --linger says, and streams in flight finish within the file's `drain`.

    \b
    Example:
      parley serve --config /etc/parley/parley.yaml --runtime-dir /run/parley
    """  # noqa: D301
    source = Source(options.chosen_file(path), None, workers)
    sys.exit(asyncio.run(serve(source, runtime_dir=runtime_dir, linger_s=linger, announce=click.echo)))
