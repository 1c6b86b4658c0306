"""What of a configuration cannot change while an instance runs, and the refusal of a reload that would change it."""

from collections.abc import Iterator

from pydantic import BaseModel

from service.config import Config

_FIXED = ("listen", "workers", "drain", "transport", "local", "watchdog", "metrics", "tracing", "cors")
"""Settings of the processes themselves and of their connections, which are read once at the start."""


class FixedError(Exception):
    """A reload is refused; the message names what would have changed."""


def refuse_fixed(old: Config, new: Config) -> None:
    """FixedError where a configuration differs from the one that runs in what needs a restart."""
    changed = [path for name in _FIXED for path in _differences(name, getattr(old, name), getattr(new, name))]
    if changed:
        raise FixedError(
            f"cannot change while it runs: {', '.join(changed)}; restart Parley for that, or take the change back. "
            "Nothing of the file was taken"
        )
    if old.uses_local != new.uses_local:
        what = "starts" if new.uses_local else "ends"
        raise FixedError(
            f"models: this {what} the use of the embedded model, whose engine runs from the start or not at all; "
            "restart Parley for that, or take the change back. Nothing of the file was taken"
        )


def _differences(path: str, old: object, new: object) -> Iterator[str]:
    if old == new:
        return
    if isinstance(old, BaseModel) and isinstance(new, BaseModel):
        for name in type(old).model_fields:
            yield from _differences(f"{path}.{name}", getattr(old, name), getattr(new, name))
    else:
        yield path
