"""`parley models`: what may be asked for."""

import click
from google.protobuf.json_format import MessageToJson
from parley.chat.v1.model_service_pb2 import ListModelsRequest
from parley.chat.v1.model_service_pb2_grpc import ModelServiceStub

from service.cli import client, options


@click.command("models")
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON, as GET /v1/models does.")
@options.server
@options.timeout
def command(server: str, timeout: float, as_json: bool) -> None:
    """List the models of a running Parley, one a line.

    \b
    Example:
      parley models --server http://127.0.0.1:18080
      parley models --json
    """  # noqa: D301
    with client.channel(server) as channel:
        answer = ModelServiceStub(channel).ListModels(ListModelsRequest(), timeout=timeout, metadata=client.metadata())
    if as_json:
        click.echo(MessageToJson(answer, preserving_proto_field_name=True))
        return
    for model in answer.data:
        click.echo(model.id)
