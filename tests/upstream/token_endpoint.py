"""A local token endpoint, and a service account's key file that leads to it."""

import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

TOKEN = "ya29.planted-token"


@dataclass(slots=True)
class TokenEndpoint:
    """What it answers, and what it was asked."""

    status: int = 200
    answer: dict[str, Any] = field(default_factory=lambda: {"access_token": TOKEN, "expires_in": 3600})
    open: threading.Event = field(default_factory=threading.Event)
    """Answers wait for it."""
    requests: list[str] = field(default_factory=list[str])
    port: int = 0

    def __post_init__(self) -> None:
        self.open.set()

    def key_file(self, directory: Path) -> Path:
        """The file of a service account whose tokens come from here."""
        key = generate_private_key(public_exponent=65537, key_size=2048)
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        path = directory / "account.json"
        path.write_text(
            json.dumps(
                {
                    "type": "service_account",
                    "project_id": "p",
                    "private_key_id": "1",
                    "private_key": pem,
                    "client_email": "parley@p.iam.gserviceaccount.com",
                    "client_id": "1",
                    "token_uri": f"http://127.0.0.1:{self.port}/token",
                }
            )
        )
        return path


@contextmanager
def token_endpoint() -> Generator[TokenEndpoint]:
    """Runs until the block ends."""
    endpoint = TokenEndpoint()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            endpoint.requests.append(self.rfile.read(int(self.headers["content-length"])).decode())
            endpoint.open.wait(30)
            body = json.dumps(endpoint.answer).encode()
            self.send_response(endpoint.status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        endpoint.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield endpoint
        finally:
            endpoint.open.set()
            server.shutdown()
            thread.join()
