"""A calling service in small: it knows the contract (parley-protos) and nothing else of Parley.

    python summarize.py "A long text ..."

The server and the key come from PARLEY_SERVER (default 127.0.0.1:8080) and PARLEY_API_KEY.
"""

import asyncio
import os
import sys

import grpc
from google.rpc import error_details_pb2
from google.rpc.status_pb2 import Status
from parley.chat.v1 import chat_service_pb2_grpc
from parley.chat.v1.completion_pb2 import CompletionRequest
from parley.chat.v1.message_pb2 import ContentPart, Message

MODEL = os.environ.get("PARLEY_MODEL", "local/smollm2-135m-instruct")


async def summarize(text: str, server: str, key: str | None) -> None:
    """Print a summary as it is generated; give up after a minute."""
    request = CompletionRequest(
        model=MODEL,
        messages=[
            Message(role="system", content=[ContentPart(text="Summarize in one sentence.")]),
            Message(role="user", content=[ContentPart(text=text)]),
        ],
        max_completion_tokens=60,
        temperature=0,
    )
    metadata = [("x-api-key", key)] if key else []
    async with grpc.aio.insecure_channel(server) as channel:
        stub = chat_service_pb2_grpc.ChatServiceStub(channel)
        # The deadline bounds the vendor's call too; leaving the loop early would cancel it.
        async for chunk in stub.StreamCompletion(request, timeout=60, metadata=metadata):
            for choice in chunk.choices:
                print(choice.delta.content, end="", flush=True)
    print()


def explain(error: grpc.aio.AioRpcError) -> str:
    """The error's code and message, and the machine-readable reason out of its details."""
    reason = ""
    for name, value in error.trailing_metadata() or ():
        if name == "grpc-status-details-bin" and isinstance(value, bytes):
            for detail in Status.FromString(value).details:
                info = error_details_pb2.ErrorInfo()
                if detail.Unpack(info):
                    reason = f" ({info.reason})"
    return f"{error.code().name}{reason}: {error.details()}"


def main() -> int:
    """Summarize the text of the command line."""
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        asyncio.run(
            summarize(sys.argv[1], os.environ.get("PARLEY_SERVER", "127.0.0.1:8080"), os.environ.get("PARLEY_API_KEY"))
        )
    except grpc.aio.AioRpcError as error:
        print(explain(error), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
