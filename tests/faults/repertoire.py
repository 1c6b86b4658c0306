"""What the faulty vendor can play, by the model's name: a fault of the catalogue, or a family with parameters."""

from collections.abc import Callable, Mapping

from tests.faults.catalogue import FAULTS
from tests.faults.cut import cut_play
from tests.faults.paced import paced_play
from tests.faults.play import Play

_FAMILIES: Mapping[str, Callable[[tuple[str, ...]], Play]] = {"cut": cut_play, "paced": paced_play}
"""By the first part of the name; the other parts, divided by dots, are its parameters."""
_BY_NAME = {fault.name: fault for fault in FAULTS}


def play_of(model: str, streams: bool) -> Play:
    """The play for a model's name. KeyError where there is none."""
    family, *parameters = model.split(".")
    if make := _FAMILIES.get(family):
        return make(tuple(parameters))
    return _BY_NAME[model].case(streams=streams).play
