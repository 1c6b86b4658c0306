import pytest

from service.errors import Kind
from service.errors.failover import FAULTS, Fault, fault_of


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_says_whose_fault_it_is_and_why(kind: Kind) -> None:
    assert FAULTS[kind][1]
    assert kind.value.retryable is (fault_of(kind) is Fault.VENDOR)
