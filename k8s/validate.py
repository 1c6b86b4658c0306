"""Judges built objects strictly: by Kubernetes' own schemas, and custom resources by those in schemas/."""

import functools
import json
from collections.abc import Iterable
from pathlib import Path

import jsonschema
import kubernetes_validate

from k8s.document import Node, mapping, parse, text

VERSIONS = ("1.33", "1.37")
"""The oldest version of Kubernetes that is supported (native sidecars are stable since 1.33), and the newest."""
_CUSTOM = Path(__file__).parent / "schemas" / "crds.yaml"


def problems(objects: Iterable[Node]) -> list[str]:
    """What is wrong, each with the object and the place in it."""
    return [problem for each in objects for problem in _judged(json.dumps(each, sort_keys=True))]


@functools.lru_cache(maxsize=1024)
def _judged(serialised: str) -> tuple[str, ...]:
    """What is wrong with one object; many compositions have the same."""
    judged: Node = json.loads(serialised)
    name = f"{text(judged, 'kind')}/{text(judged, 'metadata', 'name')}"
    custom = mapping(_custom(), "kinds", f"{text(judged, 'apiVersion')} {text(judged, 'kind')}")
    try:
        if custom is not None:
            jsonschema.validate(judged, custom)
        else:
            for version in VERSIONS:
                kubernetes_validate.validate(judged, version, strict=True)
    except jsonschema.ValidationError as error:
        return (f"{name}: {'.'.join(map(str, error.path))}: {error.message}",)
    except kubernetes_validate.utils.SchemaNotFoundError as error:
        return (f"{name}: {error.message}",)
    return ()


@functools.cache
def _custom() -> Node:
    return parse(_CUSTOM.read_text(encoding="utf-8"))
