"""`parley import`: parley.yaml out of another gateway's configuration."""

import sys
from pathlib import Path

import click

from service.migration.litellm import convert


@click.group("import")
def command() -> None:
    """Make parley.yaml out of another gateway's configuration.

    \b
    Example:
      parley import litellm config.yaml --output parley.yaml
    """  # noqa: D301


@command.command("litellm")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Where to. Default: stdout.")
@click.option("--force", is_flag=True, help="Write over an output that is there.")
def litellm(file: Path, output: Path | None, force: bool) -> None:
    """Make parley.yaml out of LiteLLM's FILE, and say of each line what has no form here.

    Notes go to stderr, as FILE:LINE: PATH: TEXT. Secrets that stand in FILE are not written anywhere: the notes say in
    which environment variables to put them. Exit code 1 where FILE cannot be read, or the output is there already.

    \b
    Example:
      parley import litellm config.yaml --output parley.yaml
      parley check parley.yaml
    """  # noqa: D301
    try:
        converted = convert(file.read_text(encoding="utf-8"))
    except OSError as error:
        click.echo(f"{file}: cannot be read: {error.strerror}", err=True)
        sys.exit(1)
    except UnicodeDecodeError:
        click.echo(f"{file}: cannot be read: it is not UTF-8 text", err=True)
        sys.exit(1)
    except ValueError as error:
        click.echo(f"{file}:{error}", err=True)
        sys.exit(1)
    for note in converted.notes:
        click.echo(f"{file}:{note}", err=True)
    if output is None:
        click.echo(converted.text, nl=False)
        return
    try:
        with output.open("w" if force else "x", encoding="utf-8") as written:
            written.write(converted.text)
    except FileExistsError:
        click.echo(f"{output}: is there already; --force writes over it", err=True)
        sys.exit(1)
    except OSError as error:
        click.echo(f"{output}: cannot be written: {error.strerror}", err=True)
        sys.exit(1)
    click.echo(f"{output}: written, with {len(converted.notes)} notes; next: parley check {output}", err=True)
