"""`parley key`: callers' keys."""

import click

from service.auth import hash_key, new_key


@click.group("key")
def command() -> None:
    """Make callers' keys.

    \b
    Example:
      parley key new billing
    """  # noqa: D301


@command.command("new")
@click.argument("name")
@click.option("-m", "--model", "models", multiple=True, help="A model that it may use, such as openai/*. Default: all.")
def new(name: str, models: tuple[str, ...]) -> None:
    """Print a new key for NAME, once, and the line that lets it in.

    The key goes to its owner; parley.yaml keeps only its SHA-256, so that it cannot be read out of there.

    \b
    Example:
      parley key new billing --model 'openai/*'
    """  # noqa: D301
    if not name.strip() or any(c in name for c in "\"'{}[],:#\n"):
        raise click.BadParameter("expected a plain name, such as billing or team-7", param_hint="NAME")
    key = new_key()
    quoted = ", ".join(f'"{model}"' for model in models)
    scope = f", models: [{quoted}]" if models else ""
    click.echo(f"the key, shown this once: {key}\n")
    click.echo(f'in parley.yaml, under keys:\n  - {{name: {name}, sha256: "{hash_key(key)}"{scope}}}')
