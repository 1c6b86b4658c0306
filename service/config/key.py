"""Callers' keys, as parley.yaml names them."""

from collections.abc import Sequence
from typing import Annotated, Literal, cast

from pydantic import BaseModel, BeforeValidator, Field

from service.config.names import PlacedError
from service.config.strict import STRICT

SHA256 = r"^[0-9a-f]{64}$"

Unsupported = Literal["strict", "warn", "drop"]
"""What to do with a field that a vendor cannot honour; see service.pipeline.report.Policy."""


def _listed(value: object) -> object:
    return (cast("object", value),) if isinstance(value, str) else value


class Key(BaseModel):
    """A caller's key. `parley key new NAME` prints the line to put here."""

    model_config = STRICT

    name: Annotated[str, Field(min_length=1, description="Whose key it is; appears in logs.")]
    sha256: Annotated[
        tuple[Annotated[str, Field(pattern=SHA256)], ...],
        BeforeValidator(_listed, json_schema_input_type=str | tuple[str, ...]),
        Field(
            min_length=1,
            description="SHA-256 of the key, in lower-case hex; or a list of them, so that an old key is good until "
            "its owner has the new one.",
        ),
    ]
    models: Annotated[
        tuple[str, ...],
        Field(
            description="The models that it may use, by their names in full, and aliases; `*` at the end stands for "
            "any rest. One for a name of one's own needs none for what that uses; an alias opens what it leads to."
        ),
    ] = ("*",)
    unsupported: Annotated[
        Unsupported | None, Field(description="As at the top level, for this caller's requests.")
    ] = None


def check_keys(keys: Sequence[Key]) -> None:
    """PlacedError for a secret or a name that is given twice: what stands last would hold, and nobody would know."""
    names: dict[str, int] = {}
    hashes: dict[str, tuple[str, int]] = {}
    for index, key in enumerate(keys):
        if (first := names.setdefault(key.name, index)) != index:
            problem = f"the name {key.name!r} is given twice; for two keys of one caller write sha256: [HASH, HASH]"
            raise PlacedError(("keys", index, "name"), problem, also=("keys", first, "name"))
        for each in key.sha256:
            if each in hashes:
                name, other = hashes[each]
                problem = f"the same key as that of {name!r}; a key has one entry, with all that it may do"
                raise PlacedError(("keys", index, "sha256"), problem, also=("keys", other, "sha256"))
            hashes[each] = (key.name, index)
