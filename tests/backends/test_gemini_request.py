import json
from typing import Any

import pytest

from service.backends.fields import missing
from service.backends.gemini import VERTEX, GeminiDialect, vertex_path
from service.errors import ApiError, Kind
from tests.backends.gemini_cases import CASES, REFUSED, SAID_HI, SCHEMA, Case, Json
from tests.backends.gemini_judge import TARGET, on, read, verdicts

GCP = "https://us-central1-aiplatform.googleapis.com/v1"


def sent(case: Case) -> Json:
    return json.loads(TARGET.dialect.encode(read(case.asks), on(TARGET, model=case.model), stream=False).body)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_request_becomes_the_vendors_body(case: Case) -> None:
    assert sent(case) == {**SAID_HI, **case.body}


def test_googles_own_client_sends_the_same() -> None:
    cases = [case for case in CASES if case.id != "extra"]
    for case, verdict in zip(cases, verdicts("request", [(sent(case), case.model) for case in cases]), strict=True):
        assert camel(verdict.get("sent")) == camel(sent(case)), (case.id, verdict)


def test_googles_own_client_asks_the_same_of_vertex_ai() -> None:
    target = on(
        TARGET,
        dialect=GeminiDialect(fields=VERTEX, path=vertex_path),
        base_url=f"{GCP}/projects/p/locations/us-central1",
    )
    call = target.dialect.encode(read({"temperature": 0}), target, stream=True)
    place = {"project": "p", "region": "us-central1"}
    (verdict,) = verdicts("request", [(json.loads(call.body), target.model)], vertex=place, stream=True)
    assert verdict["url"] == target.base_url + call.path
    assert camel(verdict["sent"]) == json.loads(call.body)


def camel(value: Any) -> Any:
    """The client writes some names in snake case, which the API takes as well."""
    if isinstance(value, dict):
        items: dict[str, Any] = value  # pyright: ignore[reportUnknownVariableType]
        return {camel_name(name): camel(item) for name, item in items.items()}
    if isinstance(value, list):
        return [camel(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    return value


def camel_name(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.title() for word in rest)


@pytest.mark.parametrize(
    ("asks", "path"), [(asks, path) for _, asks, path in REFUSED], ids=[each[0] for each in REFUSED]
)
def test_what_has_no_form_there_is_refused_by_its_path(asks: Json, path: str) -> None:
    with pytest.raises(ApiError) as caught:
        TARGET.dialect.encode(read(asks), TARGET, stream=False)
    assert caught.value.kind in {Kind.UNSUPPORTED, Kind.INVALID_VALUE}
    assert caught.value.param == path


def test_a_schema_keeps_the_order_of_its_keys() -> None:
    body = TARGET.dialect.encode(read({"guided_json": SCHEMA}), TARGET, stream=False).body
    assert json.dumps(SCHEMA, separators=(",", ":")).encode() in body


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("gemini-2.5-flash", "/models/gemini-2.5-flash"),
        ("tunedModels/mine-1", "/tunedModels/mine-1"),
        ("models/gemini-2.5-flash", "/models/gemini-2.5-flash"),
        ("a/../b", "/models/a%2F..%2Fb"),
        ("a?b#c", "/models/a%3Fb%23c"),
        ("../x", "/models/..%2Fx"),
    ],
)
def test_a_model_stands_in_the_path(model: str, path: str) -> None:
    target = on(TARGET, model=model)
    assert target.dialect.encode(read({}), target, stream=False).path == f"{path}:generateContent"
    assert target.dialect.encode(read({}), target, stream=True).path == f"{path}:streamGenerateContent?alt=sse"


@pytest.mark.parametrize(
    ("base_url", "model", "path"),
    [
        (f"{GCP}/projects/p/locations/r", "m", "/publishers/google/models/m"),
        (GCP, "m", "/projects/p/locations/r/publishers/google/models/m"),
        (GCP, "endpoints/1", "/projects/p/locations/r/endpoints/1"),
        (GCP, "publishers/meta/models/x", "/projects/p/locations/r/publishers/meta/models/x"),
    ],
)
def test_a_model_stands_in_the_path_at_vertex_ai(base_url: str, model: str, path: str) -> None:
    assert vertex_path(on(TARGET, base_url=base_url, model=model, project="p", region="r")) == path


def test_headers_are_the_vendors_the_files_and_the_callers() -> None:
    asked = read({"inference_extra_headers": {"x-trace": "1"}})
    call = TARGET.dialect.encode(asked, on(TARGET, headers={"x-team": "a"}), stream=True)
    assert call.headers == {
        "content-type": "application/json",
        "accept": "application/json",
        "x-team": "a",
        "x-trace": "1",
    }


@pytest.mark.parametrize("dialect", [GeminiDialect(), GeminiDialect(fields=VERTEX)], ids=["gemini", "vertex"])
def test_every_field_has_its_row(dialect: GeminiDialect) -> None:
    assert not list(missing(dialect.fields))
