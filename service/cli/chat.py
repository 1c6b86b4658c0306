"""`parley chat`: one question, its answer streamed to the terminal."""

import click
from parley.chat.v1.chat_service_pb2_grpc import ChatServiceStub
from parley.chat.v1.completion_pb2 import CompletionRequest
from parley.chat.v1.message_pb2 import ContentPart, Message

from service.cli import client, options
from service.config.model import EMBEDDED_MODEL


@click.command("chat")
@click.argument("text")
@click.option("-m", "--model", default=EMBEDDED_MODEL, show_default=True, help="The model, vendor/model_name.")
@click.option("--system", help="A system message that stands before.")
@click.option("--max-tokens", type=click.IntRange(min=1), help="Most tokens to generate.")
@click.option("--temperature", type=float, help="Randomness, from 0 to 2.")
@options.server
@options.timeout
def command(
    text: str,
    model: str,
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
    request = CompletionRequest(model=model, max_completion_tokens=max_tokens, temperature=temperature)
    if system:
        request.messages.append(Message(role="system", content=[ContentPart(text=system)]))
    request.messages.append(Message(role="user", content=[ContentPart(text=text)]))
    with client.channel(server) as channel:
        for chunk in ChatServiceStub(channel).StreamCompletion(request, timeout=timeout, metadata=client.metadata()):
            for choice in chunk.choices:
                click.echo(choice.delta.content, nl=False)
    click.echo()
