"""The `scale-gp` client, unchanged; it posts to /v4/beta/chat/completions."""

# The client is in this lane's environment alone, where no type checker looks.
# pyright: reportMissingImports=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

from scale_gp import SGPClient

from tests.clients.lane import Client, main


def connect(base_url: str, api_key: str) -> Client:
    """Make the client; it has no call that lists the models of the service."""
    client = SGPClient(base_url=base_url, api_key=api_key, account_id="account-1", max_retries=0)
    return Client(client.beta.chat.completions.create, None)


if __name__ == "__main__":
    main(connect)
