"""Every test of a transport runs on each of them."""

from collections.abc import Generator

import pytest

from tests.upstream.stage import KINDS, WRONG, Kind, Stage, stage_of


@pytest.fixture(params=KINDS, ids=lambda kind: kind.name)
def stage(request: pytest.FixtureRequest) -> Generator[Stage]:
    kind: Kind = request.param
    node: pytest.Function = request.node
    case = node.callspec.params.get("case")
    if wrong := WRONG.get(kind.transport, {}).get(getattr(case, "name", node.originalname)):
        if wrong.hangs:
            pytest.xfail(wrong.reason)
        node.add_marker(pytest.mark.xfail(reason=wrong.reason, strict=True))
    with stage_of(kind) as opened:
        yield opened
