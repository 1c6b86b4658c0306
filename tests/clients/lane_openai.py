"""The `openai` client, unchanged."""

from __future__ import annotations

import openai

from tests.clients.lane import Client, main


def connect(base_url: str, api_key: str) -> Client:
    """Make the client as its documentation says for a server of one's own."""
    client = openai.OpenAI(base_url=f"{base_url}/v1", api_key=api_key, max_retries=0)
    return Client(client.chat.completions.create, lambda: [model.id for model in client.models.list()])


if __name__ == "__main__":
    main(connect)
