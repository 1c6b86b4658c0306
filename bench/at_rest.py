"""What a worker costs before anybody asks it anything: memory, and the time until it can be asked."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from string import Template

import grpc
from grpc_health.v1 import health_pb2

from bench import process_tree
from bench.measurement import AtRest
from bench.peers import PARLEY
from bench.running import TEMPLATES, free_port, stopped_at_end

PATIENCE_SECONDS = 30
POLL_SECONDS = 0.005
REST_SECONDS = 1
_IMPORT = "import time; at = time.perf_counter(); import service.worker; print(time.perf_counter() - at)"
_SERVING = health_pb2.HealthCheckResponse.SERVING


def measure() -> AtRest:
    """Start a worker as `parley up` would, and stop it. Raises TimeoutError where it does not come to serve."""
    environment = os.environ | PARLEY.environment
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    imported = subprocess.run([sys.executable, "-c", _IMPORT], env=environment, stdout=subprocess.PIPE, check=True)
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        directory = Path(name)
        config = directory / "parley.yaml"
        values = {**PARLEY.environment, "port": str(free_port()), "spare": str(free_port()), "vendor": "9"}
        config.write_text(Template((TEMPLATES / "parley.yaml").read_text()).substitute(values))
        command = [sys.executable, "-m", "service.worker", "--config", config, "--runtime-dir", directory]
        spawned = time.perf_counter()
        with (directory / "log").open("wb") as log:
            process = subprocess.Popen([*command, "--index", "0"], env=environment, stdout=log, stderr=log)
        with stopped_at_end(process):
            _wait_until_it_serves(directory / "worker-0.sock", process, spawned)
            ready = time.perf_counter() - spawned
            time.sleep(REST_SECONDS)
            return AtRest(ready, process_tree.resident_megabytes(process.pid), float(imported.stdout))


def _wait_until_it_serves(path: Path, process: subprocess.Popen[bytes], spawned: float) -> None:
    while not path.exists():
        if process.poll() is not None or time.perf_counter() > spawned + PATIENCE_SECONDS:
            raise TimeoutError(f"the worker did not start: {(path.parent / 'log').read_text()[-2000:]}")
        time.sleep(POLL_SECONDS)
    request = health_pb2.HealthCheckRequest()
    with grpc.insecure_channel(f"unix:{path}") as channel:
        check = channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            health_pb2.HealthCheckRequest.SerializeToString,
            health_pb2.HealthCheckResponse.FromString,
        )
        while check(request, timeout=PATIENCE_SECONDS, wait_for_ready=True).status != _SERVING:
            if time.perf_counter() > spawned + PATIENCE_SECONDS:
                raise TimeoutError("the worker's health never was SERVING")
            time.sleep(POLL_SECONDS)
