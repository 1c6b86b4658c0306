"""What is rendered is envoy.yaml with other addresses, and both are valid to Envoy."""

import subprocess
from pathlib import Path

import pytest
import yaml

import gateway
from gateway import descriptor
from gateway.render import DESCRIPTOR_SET, source
from tests.gateway.contract import bindings, services
from tests.gateway.edge import Address, runtime_directory

ROOT = Path(__file__).parents[2]


def validate(config: Path) -> None:
    command = [*gateway.command(config, concurrency=1), "--mode", "validate"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "deprecated" not in done.stderr


def test_envoy_yaml_is_valid_as_it_stands() -> None:
    validate(Path("envoy.yaml"))


@pytest.mark.parametrize("workers", [1, 3])
def test_rendered_file_differs_only_in_addresses(workers: int) -> None:
    with runtime_directory() as directory:
        path = gateway.render(listen=Address("0.0.0.0", 80), runtime_dir=directory, workers=workers)
        validate(path)
        rendered = path.read_text(encoding="utf-8")
    expected = source().read_text(encoding="utf-8")
    sockets = ", ".join(
        f"{{endpoint: {{address: {{pipe: {{path: {directory}/worker-{n}.sock}}}}}}}}" for n in range(workers)
    )
    for given, put in (
        ("/run/parley/envoy-admin.sock", f"{directory}/envoy-admin.sock"),
        ("address: 127.0.0.1, port_value: 8080", "address: 0.0.0.0, port_value: 80"),
        ("gateway/parley.binpb", str(DESCRIPTOR_SET)),
        (
            "lb_endpoints:\n        - endpoint: {address: {pipe: {path: /run/parley/worker-0.sock}}}",
            f"lb_endpoints: [{sockets}]",
        ),
    ):
        assert expected.count(given) == 1
        expected = expected.replace(given, put)
    assert yaml.safe_load(rendered) == yaml.safe_load(expected)


def test_no_workers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least one worker"):
        gateway.render(listen=Address("127.0.0.1", 1), runtime_dir=tmp_path, workers=0)


def test_too_long_a_path_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"envoy-admin\.sock is longer than the 107 bytes"):
        gateway.render(listen=Address("127.0.0.1", 1), runtime_dir=Path("/" + "x" * 100), workers=1)


@pytest.mark.parametrize(
    ("text", "missing"), [("{}", "admin"), ("admin: {address: {pipe: {path: x}}}", "static_resources")]
)
def test_another_template_is_refused(text: str, missing: str, tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text(text)
    with runtime_directory() as directory, pytest.raises(ValueError, match=f"has no {missing}"):
        gateway.render(
            listen=Address("127.0.0.1", 1), runtime_dir=directory, workers=1, template=tmp_path / "other.yaml"
        )


def test_descriptor_set_is_fresh_and_reproducible() -> None:
    built = descriptor.build()
    assert built == descriptor.build()
    assert DESCRIPTOR_SET.read_bytes() == built, "run `python -m gateway.descriptor`"


def test_every_service_of_the_contract_is_transcoded() -> None:
    text = source().read_text(encoding="utf-8")
    assert [name for name in services() if name not in text] == []


def test_no_two_methods_claim_one_path() -> None:
    claimed = bindings()
    assert len(claimed) == len(set(claimed))
