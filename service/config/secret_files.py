"""Finds the files of secrets and certificates that a configuration names, wherever in it they stand."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast

from pydantic import BaseModel

from service.config.model import SecretRef
from service.config.tls import Tls


def secret_files(part: object) -> Iterator[Path]:
    """The files that a configuration, or a part of it, names for secrets and certificates."""
    if isinstance(part, SecretRef):
        if part.file is not None:
            yield part.file
    elif isinstance(part, Tls):
        yield from (file for file in (part.ca, part.cert, part.key) if file is not None)
    elif isinstance(part, BaseModel):
        for _, value in part:
            yield from secret_files(value)
    elif isinstance(part, Mapping):
        for value in cast("Mapping[object, object]", part).values():
            yield from secret_files(value)
    elif isinstance(part, tuple | list):
        for value in cast("tuple[object, ...] | list[object]", part):
            yield from secret_files(value)
