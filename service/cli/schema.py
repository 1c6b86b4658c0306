"""`parley schema`: the JSON Schema of the configuration file."""

import json

import click

from service.config.load import json_schema


@click.command("schema")
def command() -> None:
    """Print the JSON Schema of parley.yaml, by which an editor completes and checks it.

    \b
    Example:
      parley schema > parley.schema.json
      # then, as the first line of parley.yaml:
      # yaml-language-server: $schema=parley.schema.json
    """  # noqa: D301
    click.echo(json.dumps(json_schema(), indent=2))
