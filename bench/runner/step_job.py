"""What a step is given that prepares an asset: where to work, what to work on, and how to go on after a kill."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from numpy.typing import NDArray

from trustdm.bench.assets.folder import Workplace
from trustdm.bench.contracts import StepCard
from trustdm.bench.errors import ContractError
from trustdm.bench.rng import Noise
from trustdm.bench.runner.resources import Loaded, Resources
from trustdm.bench.types import Cost

if TYPE_CHECKING:
    from trustdm.bench.suite.load import Suite


@dataclass(kw_only=True)
class StepJob(Resources):
    """One asset to prepare; ``key`` is the asset's, so that whoever shares it shares its random numbers.

    A step writes what it makes into ``files``. Whatever it needs to go on after a kill it keeps in ``state``, and says
    so by ``saved``; until it has, an attempt that was killed leaves nothing in ``files``. From then on a file that is
    there is part of the asset, so it is written in ``state`` and moved when it is whole.

    Global generators are seeded once, when an attempt begins. A step that goes on after a kill therefore does each
    piece of its work in ``method.seeded(job.key, piece)``, or draws from ``noise`` alone: then what it makes does not
    depend on where it was killed.

    ``method`` and ``suite`` are there as far as the step's card declares them (``capability``, ``data``): what is not
    in the key of the asset cannot be asked for. Whoever reads the asset later raises a ``SetupError`` if it is not what
    it should be: any other error would be held against the method.
    """

    params: Mapping[str, object]
    place: Workplace
    began: float = field(default_factory=time.perf_counter)
    began_busy: float = field(default_factory=time.process_time)

    @property
    def files(self) -> Path:
        """The folder whose files become the asset."""
        return self.place.files

    @property
    def state(self) -> Path:
        """A folder that outlives a kill and is removed at the end."""
        return self.place.state

    def saved(self) -> None:
        """Notes the cost so far, beside the state that was just kept."""
        self.place.keep(self.cost())

    def noise(self, use: str, ids: Sequence[int] | NDArray[np.int64], draw: int = 0) -> Noise:
        """Noise whose row i belongs to (asset, ``use``, ids[i], ``draw``): keys, seeds, initial weights."""
        return Noise(f"{self.key}/{use}", ids, draw)

    def cost(self) -> Cost:
        """What this attempt and those before it, as far as they said so, have taken."""
        before, cuda = self.place.cost, self.device.startswith("cuda")
        if cuda:
            torch.cuda.synchronize()
        wall = max(time.perf_counter() - self.began - self.loading, 0.0)
        busy = max(time.process_time() - self.began_busy - self.loading, 0.0)
        return Cost(
            wall=before.wall + wall,
            device=before.device + (wall if cuda else busy),
            forwards=before.forwards + self.meter.forwards,
            gradients=before.gradients + self.meter.gradients,
            memory=max(before.memory, torch.cuda.max_memory_allocated() if cuda else 0),
        )


class Declared:
    """What a step may ask of ``thing``: the attributes ``names``, or none of them.

    Raises:
        ContractError: another one was asked for; ``hint`` says what the card of the step would have to declare.
    """

    def __init__(self, thing: object, names: Sequence[str], hint: str):
        self._thing = thing
        self._names = names
        self._hint = hint

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name not in self._names:
            raise ContractError(f"{self._hint}, got one that asks for {name!r}")
        return getattr(self._thing, name)


DATA = ("data", "train", "validation", "test", "source", "root", "digest")
"""What a step that reads data may see of its suite: the data, and what it takes to open them."""


def declared_method(card: StepCard, method: Callable[[], Loaded]) -> Loaded:
    """The method for a step that is about one; for others something that refuses to be asked."""
    hint = f"step {card.name}: expected a step that uses no method, as its card declares no capability"
    return method() if card.capability else cast(Loaded, Declared(None, (), hint))


def declared_suite(card: StepCard, suite: Suite) -> Suite:
    """The data of the suite for a step that reads them; for others something that refuses to be asked."""
    told = "only the data of the suite" if card.data else "no suite, as its card does not declare data"
    hint = f"step {card.name}: expected a step that uses {told}"
    return cast("Suite", Declared(suite, DATA if card.data else (), hint))
