"""What a step is given that prepares an asset: where to work, what to work on, and how to go on after a kill."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trustdm.bench.assets.folder import Workplace
from trustdm.bench.rng import Noise
from trustdm.bench.runner.resources import Resources
from trustdm.bench.types import Cost


@dataclass(kw_only=True)
class StepJob(Resources):
    """One asset to prepare; ``key`` is the asset's, so that whoever shares it shares its random numbers.

    A step writes what it makes into ``files``. Whatever it needs to go on after a kill it keeps in ``state``, and says
    so by ``saved``.
    """

    params: Mapping[str, object]
    place: Workplace
    began: float = field(default_factory=time.perf_counter)

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
        before, wall = self.place.cost, time.perf_counter() - self.began - self.loading
        return Cost(
            wall=before.wall + wall,
            device=before.device + wall,
            forwards=before.forwards + self.meter.forwards,
            gradients=before.gradients + self.meter.gradients,
            memory=before.memory,
        )
