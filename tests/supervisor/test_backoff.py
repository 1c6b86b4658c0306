import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.supervisor.backoff import Backoff


def middle(low: float, high: float) -> float:
    return (low + high) / 2


@pytest.mark.parametrize(("failures", "wait"), [(1, 0.25), (2, 0.5), (3, 1.0), (7, 16.0), (8, 30.0), (100_000, 30.0)])
def test_waits_double_up_to_the_limit(failures: int, wait: float) -> None:
    assert Backoff().wait_s(failures, middle) == wait


@given(failures=st.integers(1, 10**6), share=st.floats(0, 1))
def test_waits_are_spread_about_their_middle(failures: int, share: float) -> None:
    backoff = Backoff()
    wait = backoff.wait_s(failures, lambda low, high: low + share * (high - low))
    assert wait == pytest.approx(backoff.wait_s(failures, middle), rel=backoff.spread + 1e-9)
