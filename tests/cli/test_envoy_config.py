"""`parley envoy-config`, as a build of images or manifests calls it."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.test_commands import run

KEYS = "keys: [{name: a, sha256: " + "a" * 64 + "}]\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "parley.yaml"
    path.write_text(KEYS + "listen: 0.0.0.0:8080\nworkers: 3\nmodels: {openai/x: {}}\n")
    return path


def listener(document: Any) -> Any:
    return document["static_resources"]["listeners"][0]


def sockets(document: Any) -> list[list[str]]:
    """The workers' sockets, by cluster."""
    return [
        [
            each["endpoint"]["address"]["pipe"]["path"]
            for each in cluster["load_assignment"]["endpoints"][0]["lb_endpoints"]
        ]
        for cluster in document["static_resources"]["clusters"]
    ]


def test_pages_that_the_file_names_may_call(file: Path) -> None:
    with file.open("a") as more:
        more.write("cors: {origins: ['https://app.example.com']}\n")
    result = run("envoy-config", "--config", str(file), "--runtime-dir", "/run/parley")
    assert result.exit_code == 0, result.output
    assert "exact: https://app.example.com" in result.output


def test_it_listens_and_finds_the_workers_as_the_file_says(file: Path) -> None:
    result = run("envoy-config", "--config", str(file), "--runtime-dir", "/run/parley")
    assert result.exit_code == 0, result.output
    document = yaml.safe_load(result.output)
    assert listener(document)["address"]["socket_address"] == {"address": "0.0.0.0", "port_value": 8080}
    workers = [f"/run/parley/worker-{index}.sock" for index in range(3)]
    assert sockets(document) == [workers] * 2
    assert document["admin"]["address"]["pipe"]["path"] == "/run/parley/envoy-admin.sock"
    assert "-control.sock" not in result.output
    assert "filters.http.cors" not in result.output


def test_the_command_line_goes_before_the_file(file: Path, tmp_path: Path) -> None:
    output = tmp_path / "envoy.yaml"
    said = run(
        *("envoy-config", "-c", str(file), "--runtime-dir", "/r", "-o", str(output), "-w", "1"),
        *("--listen", "127.0.0.1:9", "--descriptor-set", "/etc/envoy/parley.binpb"),
    )
    assert (said.exit_code, said.output) == (0, "")
    document = yaml.safe_load(output.read_text())
    assert listener(document)["address"]["socket_address"]["port_value"] == 9
    assert sockets(document) == [["/r/worker-0.sock"]] * 2
    assert "proto_descriptor: /etc/envoy/parley.binpb" in output.read_text()


@pytest.mark.parametrize(
    ("text", "arguments", "problem"),
    [
        ("workers: auto", (), "give --workers as a number"),
        ("models: {openai/x: {}}", ("--listen", "0.0.0.0:80"), "0.0.0.0:80 can be reached from other machines"),
        ("", ("--listen", "here"), "--listen: expected an address and a port"),
        ("", ("--runtime-dir", "/" + "x" * 100), "longer than the 107 bytes"),
        ("wrkers: 1", (), "did you mean workers?"),
        ("", ("--workers", "0"), "expected a number from 1 to 256, or auto"),
    ],
)
def test_what_cannot_be_rendered_is_said(file: Path, text: str, arguments: tuple[str, ...], problem: str) -> None:
    file.write_text(text)
    result = run("envoy-config", "--config", str(file), "--runtime-dir", "/run/parley", *arguments)
    assert result.exit_code != 0
    assert problem in result.output
