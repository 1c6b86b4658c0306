"""Options that several commands share."""

from pathlib import Path

import click

DEFAULT_FILE = Path("parley.yaml")

config_file = click.option(
    "-c",
    "--config",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The configuration file. Default: ./parley.yaml where there is one, else the embedded model alone.",
)

server = click.option(
    "-s",
    "--server",
    default="127.0.0.1:8080",
    show_default=True,
    envvar="PARLEY_SERVER",
    show_envvar=True,
    help="Where Parley listens.",
)

timeout = click.option(
    "--timeout", type=click.FloatRange(min=0, min_open=True), default=600, show_default=True, help="Seconds to wait."
)


def chosen_file(path: Path | None) -> Path | None:
    """The file that a command reads: the one named, else ./parley.yaml where there is one."""
    if path is None and DEFAULT_FILE.is_file():
        return DEFAULT_FILE
    return path
