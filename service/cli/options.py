"""Options that several commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import click

from service.config.values import parse_duration, parse_workers

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
    help="Where Parley listens: HOST:PORT, http://HOST:PORT, or https://HOST for TLS.",
)

timeout = click.option(
    "--timeout", type=click.FloatRange(min=0, min_open=True), default=600, show_default=True, help="Seconds to wait."
)


def chosen_file(path: Path | None) -> Path | None:
    """The file that a command reads: the one named, else ./parley.yaml where there is one."""
    if path is None and DEFAULT_FILE.is_file():
        return DEFAULT_FILE
    return path


class Seconds(click.ParamType[float]):
    """A time span as parley.yaml writes it, such as 500ms or 2s; 0 is one, too."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Seconds."""
        if value in {0, "0", "0s"}:
            return 0.0
        try:
            return parse_duration(float(value) if isinstance(value, str) and value.isdecimal() else value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class _Workers(click.ParamType[int | Literal["auto"]]):
    name = "number|auto"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int | Literal["auto"]:
        try:
            return parse_workers(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


workers = click.option(
    "-w", "--workers", type=_Workers(), help="Start this many workers instead of the file's; auto: one for each core."
)


def runtime_dir(*, required: bool) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The directory of an instance's sockets."""
    return click.option(
        "--runtime-dir",
        type=click.Path(file_okay=False, path_type=Path),
        required=required,
        help="The directory of the sockets, with a short path."
        + ("" if required else " Default: that of `parley up`."),
    )
