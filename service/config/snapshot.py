"""The configuration as all workers read it: the very bytes that were validated, under a number."""

import hashlib
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pydantic import TypeAdapter

from service.config.load import ConfigError, Problem, parse
from service.config.model import Config

NAME = "config.json"
"""Its name in the runtime directory."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """Which configuration a process serves by, and what became of the attempts to load another."""

    generation: int
    """Counts the configurations that were loaded, from 1 for the one of the start."""
    sha256: str
    """Of the file's bytes, in hex."""
    loaded_at: float
    """Unix seconds."""
    failures: int = 0
    """Attempts that failed, since the start."""
    last_error: str | None = None
    """Why the last attempt failed; None where it did not."""
    failed_at: float | None = None
    """When that was, in Unix seconds."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One configuration file at one moment."""

    generation: int
    source: str
    """Name of the file that it was read from, for errors."""
    text: str
    """Empty: the embedded model alone, on loopback."""

    @classmethod
    def of(cls, file: Path | None, generation: int = 1) -> Self:
        """What a file says now; without one, what is served without a configuration.

        :raises ConfigError: it cannot be read.
        """
        if file is None:
            return cls(generation, "parley.yaml", "")
        try:
            return cls(generation, str(file), file.read_bytes().decode())
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise ConfigError(str(file), [Problem(1, 1, "", f"the file cannot be read: {reason}")]) from None

    @classmethod
    def read(cls, path: Path) -> Self:
        """What `write` wrote. OSError or ValueError where it is not there or is something else."""
        return TypeAdapter(cls).validate_json(path.read_bytes())

    def write(self, path: Path) -> None:
        """Puts it at a path for its owner to read. Who reads there at any moment reads a whole one, old or new."""
        new = path.with_name(f"{path.name}.new")
        new.unlink(missing_ok=True)
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(TypeAdapter(type(self)).dump_json(self))
        new.rename(path)

    @property
    def sha256(self) -> str:
        """Of the file's bytes, in hex."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def config(self) -> Config:
        """What it says. ConfigError if it is wrong."""
        return parse(self.text, self.source)

    def loaded(self) -> Loaded:
        """The account of having loaded it just now."""
        return Loaded(self.generation, self.sha256, time.time())
