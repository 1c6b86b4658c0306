"""The quick part of the fault suite, for every run of the tests: all faults of a vendor, and cuts at some bytes."""

from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio

from tests.faults.catalogue import FAULTS
from tests.faults.cutting import Cut, cut_everywhere
from tests.faults.play import Ending
from tests.faults.stage import Stage, staged
from tests.faults.table import Row, run_table, still_serves
from tests.variant import Variant, each, name_of

_SLACK_S = 20.0
"""Far more than any call takes beyond its deadline; a caller that is never told is what this is for."""
_STEP = 23
_LIGHT = [fault for fault in FAULTS if not fault.heavy]


@pytest_asyncio.fixture(scope="module", loop_scope="session", params=each(), ids=name_of)
async def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Stage]:
    variant: Variant = request.param
    async with staged(tmp_path_factory.mktemp("faults"), variant=variant) as started:
        yield started


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def rows(stage: Stage) -> dict[str, Row]:
    return {row.fault.name: row for row in await run_table(stage, _LIGHT, slack=_SLACK_S)}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def cuts(stage: Stage) -> list[Cut]:
    return await cut_everywhere(stage, step=_STEP, slack=_SLACK_S)


@pytest.mark.parametrize("name", [fault.name for fault in _LIGHT])
async def test_a_fault_is_told_on_every_face(rows: dict[str, Row], name: str) -> None:
    assert rows[name].problems == ()


async def test_a_cut_answer_is_never_whole(cuts: list[Cut]) -> None:
    assert [cut for cut in cuts if cut.problems] == []


async def test_what_came_whole_before_a_cut_reaches_the_caller(cuts: list[Cut]) -> None:
    assert [cut for cut in cuts if cut.lost and cut.ending is Ending.FIN] == []


async def test_afterwards_all_is_well(stage: Stage, rows: dict[str, Row], cuts: list[Cut]) -> None:
    assert await still_serves(stage) == []


def test_faults_have_names_of_their_own() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
