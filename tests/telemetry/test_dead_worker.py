"""A worker that hangs or has died is shown as such, and what the others say is shown all the same."""

import asyncio
import signal
from pathlib import Path

from tests.stack import ConfigData, Vendors, configuration
from tests.telemetry.stage import LIMIT_S, staged


async def test_a_worker_that_hangs_or_died_holds_up_no_scrape(vendors: Vendors, tmp_path: Path) -> None:
    config: ConfigData = {**configuration(vendors), "metrics": {}}
    async with staged(config, tmp_path, workers=2) as stage:
        assert [await stage.value("parley_worker_up", worker=worker) for worker in "01"] == [1, 1]
        assert await stage.value("process_resident_memory_bytes", worker="1") > 0
        for number in (signal.SIGSTOP, signal.SIGKILL):
            stage.workers[1].send_signal(number)
            async with asyncio.timeout(LIMIT_S):
                samples = await stage.samples()
            up = {s.labels["worker"]: s.value for s in samples if s.name == "parley_worker_up"}
            assert up == {"0": 1, "1": 0}
            shown = {s.labels["worker"] for s in samples if s.name == "process_resident_memory_bytes"}
            assert shown == {"0"}
