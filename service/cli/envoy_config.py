"""`parley envoy-config`: the configuration of an Envoy that listens in front of `parley serve`."""

import sys
from pathlib import Path
from typing import Literal

import click

from gateway.render import DESCRIPTOR_SET, rendered
from service.cli import options
from service.config import ConfigError, load
from service.config.values import parse_address
from service.supervisor.envoy import edge_tracing, origins


@click.command("envoy-config")
@options.config_file
@click.option("--listen", metavar="HOST:PORT", help="Listen there instead of where the file says.")
@options.workers
@options.runtime_dir(required=True)
@click.option(
    "--descriptor-set",
    type=click.Path(dir_okay=False, path_type=Path),
    default=DESCRIPTOR_SET,
    help="Where Envoy finds parley.binpb. Default: in this installation.",
)
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write it there instead of printing it."
)
def command(
    path: Path | None,
    listen: str | None,
    workers: int | Literal["auto"] | None,
    runtime_dir: Path,
    descriptor_set: Path,
    output: Path | None,
) -> None:
    """Print Envoy's configuration for `parley serve`: where it listens, and the sockets of its workers.

    \b
    Example:
      parley envoy-config --config parley.yaml --runtime-dir /run/parley -o envoy.yaml
    """  # noqa: D301
    try:
        config = load(options.chosen_file(path))
    except ConfigError as error:
        sys.exit(str(error))
    number = workers or config.workers
    if number == "auto":
        sys.exit("workers: auto counts the cores where Parley runs, which may not be here: give --workers as a number")
    try:
        address = parse_address(listen) if listen else config.listen
        text = rendered(
            listen=address,
            runtime_dir=runtime_dir,
            workers=number,
            tracing=edge_tracing(config.tracing),
            cors=origins(config),
            descriptor_set=descriptor_set,
        )
    except ValueError as error:
        sys.exit(f"--listen: {error}" if listen and "address" in str(error) else str(error))
    if config.keys is None and not address.is_loopback:
        sys.exit(
            f"{address} can be reached from other machines, so the file has to have keys; "
            "make one with `parley key new NAME`, or listen on 127.0.0.1"
        )
    if output is None:
        click.echo(text, nl=False)
    else:
        output.write_text(text, encoding="utf-8")
