"""`parley chat`: one question, its answer streamed to the terminal."""

import sys

import click
import grpc
from parley.chat.v1.chat_service_pb2_grpc import ChatServiceStub
from parley.chat.v1.completion_pb2 import CompletionRequest
from parley.chat.v1.message_pb2 import ContentPart, Message
from parley.chat.v1.model_service_pb2 import ListModelsRequest
from parley.chat.v1.model_service_pb2_grpc import ModelServiceStub

from service.cli import client, options


@click.command("chat")
@click.argument("text")
@click.option("-m", "--model", help="The model, such as vendor/model_name. Default: the first of `parley models`.")
@click.option("--system", help="A system message that stands before.")
@click.option("--max-tokens", type=click.IntRange(min=1), help="Most tokens to generate.")
@click.option("--temperature", type=float, help="Randomness, from 0 to 2.")
@options.server
@options.timeout
def command(
    text: str,
    model: str | None,
    system: str | None,
    max_tokens: int | None,
    temperature: float | None,
    server: str,
    timeout: float,
) -> None:
    """Ask TEXT and stream the answer, over gRPC. The key, where one is needed, is read from PARLEY_API_KEY.

    \b
    Example:
      parley chat "Name three colours" --max-tokens 40
    """  # noqa: D301
    request = CompletionRequest(max_completion_tokens=max_tokens, temperature=temperature)
    if system:
        request.messages.append(Message(role="system", content=[ContentPart(text=system)]))
    request.messages.append(Message(role="user", content=[ContentPart(text=text)]))
    with client.channel(server) as channel:
        request.model = model or _first(channel, timeout)
        for chunk in ChatServiceStub(channel).StreamCompletion(request, timeout=timeout, metadata=client.metadata()):
            for choice in chunk.choices:
                click.echo(choice.delta.content, nl=False)
    click.echo()


def _first(channel: grpc.Channel, timeout: float) -> str:
    """The first model that the key may use; a wildcard is no model."""
    answer = ModelServiceStub(channel).ListModels(ListModelsRequest(), timeout=timeout, metadata=client.metadata())
    names = [model.id for model in answer.data]
    whole = next((name for name in names if not name.endswith("*")), None)
    if whole is None:
        sys.exit(f"no model has a name of its own: choose one with --model ({', '.join(names) or 'there is none'})")
    return whole
