"""`parley models`: what may be asked for."""

import click
from parley.chat.v1.model_service_pb2 import ListModelsRequest
from parley.chat.v1.model_service_pb2_grpc import ModelServiceStub

from service.cli import client, options


@click.command("models")
@options.server
@options.timeout
def command(server: str, timeout: float) -> None:
    """List the models of a running Parley, one a line.

    \b
    Example:
      parley models --server 127.0.0.1:18080
    """  # noqa: D301
    with client.channel(server) as channel:
        answer = ModelServiceStub(channel).ListModels(ListModelsRequest(), timeout=timeout, metadata=client.metadata())
    for model in answer.data:
        click.echo(model.id)
