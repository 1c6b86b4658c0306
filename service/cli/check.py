"""`parley check`: what is wrong with a configuration file, and where."""

import sys
from pathlib import Path

import click

from service.config import ConfigError, load
from service.routing.table import RoutingError, build


@click.command("check")
@click.argument("file", type=click.Path(path_type=Path), default=Path("parley.yaml"))
def command(file: Path) -> None:
    """Say what is wrong with a configuration FILE, and where; exit code 1 if anything is.

    Secrets that the file names are read too, but never shown.

    \b
    Example:
      parley check parley.yaml
    """  # noqa: D301
    try:
        config = load(file)
        models = build(config)
    except ConfigError as error:
        click.echo(error, err=True)
        sys.exit(1)
    except RoutingError as error:
        click.echo(f"{file}: {error}", err=True)
        sys.exit(1)
    keys = "open to everyone on this machine" if config.keys is None else f"{len(config.keys)} keys"
    click.echo(f"{file}: good: {len(models)} models, {keys}, on {config.listen}")
