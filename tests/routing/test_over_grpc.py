"""Which URLs go with which dialects, and how a key is sent to a vendor that parley.yaml names itself."""

from pathlib import Path

import pytest

from service.backends.dialect import Target
from service.config import load
from service.routing.table import RoutingError, build


def route(settings: str, folder: Path) -> Target:
    (folder / "key").write_text("k")
    file = folder / "parley.yaml"
    file.write_text(f"vendors: {{eu: {{{settings}, api_key: {{file: {folder / 'key'}}}}}}}\nmodels: {{eu/*: {{}}}}\n")
    return build(load(file))["eu/*"].targets[0]


@pytest.mark.parametrize("url", ["grpc://h:1", "grpcs://h", "grpcs://h/", "grpc://[::1]:8080"])
def test_a_dialect_of_grpc_is_where_grpc_is(tmp_path: Path, url: str) -> None:
    target = route(f"dialect: parley, base_url: '{url}'", tmp_path)
    assert target.base_url == url.rstrip("/")
    assert target.auth == "x-api-key"


def test_another_scheme_of_credentials_can_be_said(tmp_path: Path) -> None:
    assert route("dialect: parley, base_url: 'grpcs://h', auth: bearer", tmp_path).auth == "bearer"


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ("dialect: parley, base_url: 'https://h'", "parley is spoken over gRPC: expected grpcs://HOST"),
        ("dialect: openai, base_url: 'grpcs://h'", "openai is spoken over HTTP: expected https://"),
        ("dialect: parley, base_url: 'grpcs://h/v1'", "expected a host and a port and nothing after them"),
        ("dialect: parley, base_url: 'grpcs://h?a'", "expected a host and a port and nothing after them"),
        ("dialect: parley, base_url: 'grpc://'", "expected a host and a port and nothing after them"),
    ],
)
def test_a_url_that_does_not_fit_is_told_with_its_place(tmp_path: Path, settings: str, problem: str) -> None:
    with pytest.raises(RoutingError, match=problem) as caught:
        route(settings, tmp_path)
    assert str(caught.value).startswith("models.eu/*: base_url: ")
