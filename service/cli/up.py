"""`parley up`: everything, on this machine, until it is told to stop."""

import asyncio
import sys
from pathlib import Path
from typing import Literal

import click

from service.cli import options
from service.supervisor import Source, up


@click.command("up")
@options.config_file
@click.option("-p", "--port", type=click.IntRange(1, 65535), help="Listen on this port instead of the file's.")
@options.workers
def command(path: Path | None, port: int | None, workers: int | Literal["auto"] | None) -> None:
    """Start Envoy, the workers and, where it is asked for, the embedded model; stop them all at Ctrl-C.

    A changed configuration file is loaded while it runs, and so it is at SIGHUP; `parley status` tells what holds.

    \b
    Example:
      parley up
      parley up --config parley.yaml --port 18080
    """  # noqa: D301
    source = Source(options.chosen_file(path), port, workers)
    sys.exit(asyncio.run(up(source, announce=click.echo)))
