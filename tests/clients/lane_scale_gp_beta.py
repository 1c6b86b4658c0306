"""The `scale-gp-beta` client, unchanged; it posts to /v5/chat/completions."""

# The client is in this lane's environment alone, where no type checker looks.
# pyright: reportMissingImports=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportUnknownLambdaType=false

from __future__ import annotations

from scale_gp_beta import SGPClient

from tests.clients.lane import Client, main


def connect(base_url: str, api_key: str) -> Client:
    """Make the client."""
    client = SGPClient(base_url=base_url, api_key=api_key, account_id="account-1", max_retries=0)
    completions = client.chat.completions
    return Client(completions.create, lambda: [model.name for model in completions.models().items])


if __name__ == "__main__":
    main(connect)
