"""The metrics of `parley up`: one port for all its processes."""

import asyncio
import os
import signal
from pathlib import Path

import aiohttp
from prometheus_client.samples import Sample

from tests.end_to_end.calls import body, post
from tests.end_to_end.test_processes import children_of
from tests.stack import ConfigData, Vendors, configuration, running
from tests.telemetry.stage import LIMIT_S, parsed
from tests.variant import chosen
from tests.vendor import unused_port


async def scraped(url: str) -> list[Sample]:
    async with aiohttp.ClientSession() as session, session.get(url + "/metrics") as answer:
        assert answer.status == 200
        return parsed(await answer.text(), openmetrics=False)


def value(samples: list[Sample], name: str, **labels: str) -> float | None:
    found = [s.value for s in samples if s.name == name and labels.items() <= s.labels.items()]
    return sum(found) if found else None


async def test_an_instance_shows_its_workers_its_envoy_and_its_own_doings(vendors: Vendors, tmp_path: Path) -> None:
    listen = f"127.0.0.1:{unused_port()}"
    own = configuration(vendors)
    models: dict[str, object] = {"fake/ok": {}}
    config: ConfigData = {**own, "models": models, "workers": 2, "metrics": {"listen": listen}}
    config["keys"] = [{"name": "tests", "sha256": own["keys"][0]["sha256"]}]  # type: ignore[index]
    async with running(config, tmp_path) as parley:
        for _ in range(4):
            assert (await post(parley, body("fake/ok"))).status == 200
        url = f"http://{listen}"
        samples = await scraped(url)
        assert value(samples, "parley_requests_total", model="fake/ok", outcome="ok") == 4
        assert [value(samples, "parley_worker_up", worker=worker) for worker in "01"] == [1, 1]
        assert value(samples, "parley_build_info") == 1
        assert [s.value for s in samples if s.name == "parley_config_generation"] == [1, 1, 1]
        assert value(samples, "parley_process_exits_total", process="worker-1") == 0
        async with aiohttp.ClientSession() as session, session.get(url + "/metrics/envoy") as answer:
            assert "envoy_http_downstream_rq_active" in await answer.text()

        (tmp_path / "parley.yaml").write_text(chosen().text({**config, "models": {"fake/ok": {}, "fake/busy": {}}}))
        parley.process.send_signal(signal.SIGHUP)
        async with asyncio.timeout(LIMIT_S):
            while [s.value for s in await scraped(url) if s.name == "parley_config_generation"] != [2, 2, 2]:
                pass
        (tmp_path / "parley.yaml").write_text("models: nonsense")
        parley.process.send_signal(signal.SIGHUP)
        async with asyncio.timeout(LIMIT_S):
            while value(await scraped(url), "parley_config_last_reload_failed") != 1:
                pass

        workers = sorted(pid for pid, line in children_of(parley.process.pid).items() if "-m service.worker" in line)
        os.kill(workers[-1], signal.SIGKILL)
        async with asyncio.timeout(LIMIT_S):
            while not sum(s.value for s in await scraped(url) if s.name == "parley_process_exits_total"):
                pass
            while [value(await scraped(url), "parley_worker_up", worker=worker) for worker in "01"] != [1, 1]:
                pass


async def test_a_metrics_port_in_use_is_told_and_starts_nothing(vendors: Vendors, tmp_path: Path) -> None:
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        port: int = server.sockets[0].getsockname()[1]
        config: ConfigData = {**configuration(vendors), "models": {"fake/ok": {}}}
        config |= {"metrics": {"listen": f"127.0.0.1:{port}"}, "keys": None}
        try:
            async with running(config, tmp_path):
                raise AssertionError("it must not start")
        except AssertionError as error:
            assert f"127.0.0.1:{port} cannot be listened on (Address already in use)" in str(error)
