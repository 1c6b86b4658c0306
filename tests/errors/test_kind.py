import pytest
from grpc import StatusCode

from service.errors import Kind

# How Envoy's transcoder maps gRPC codes (source/common/grpc/status.cc); statuses that are not its own need x-http-code.
ENVOY = {
    StatusCode.INVALID_ARGUMENT: 400,
    StatusCode.UNAUTHENTICATED: 401,
    StatusCode.PERMISSION_DENIED: 403,
    StatusCode.NOT_FOUND: 404,
    StatusCode.RESOURCE_EXHAUSTED: 429,
    StatusCode.INTERNAL: 500,
    StatusCode.UNAVAILABLE: 503,
    StatusCode.DEADLINE_EXCEEDED: 504,
}


@pytest.mark.parametrize("kind", Kind)
def test_a_kind_says_the_same_on_both_faces(kind: Kind) -> None:
    row = kind.value
    assert row.http // 100 == ENVOY[row.grpc] // 100 or row.grpc is StatusCode.DEADLINE_EXCEEDED
    assert row.code.islower()
    assert len(row.code) <= 63
    assert row.type.endswith("_error")
    assert not (row.retryable and row.http in {400, 401, 403, 404, 413, 422})


def test_the_statuses_that_no_grpc_code_maps_to_are_there() -> None:
    assert {402, 408, 413, 422, 529} <= {kind.value.http for kind in Kind}
