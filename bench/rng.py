"""Random numbers derived from identity: who asks (cell), for what (use), for which example and draw.

Nothing here reads the clock or a global generator. Noise for an example is the same whatever else is in the batch,
on whatever device, in whatever order (Philox counters, Salmon et al. 2011).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from trustdm.bench.hashing import canonical_json


def derive(*identity: object) -> int:
    """A 128-bit integer that depends on ``identity`` alone (texts, integers, tuples of these)."""
    return int.from_bytes(hashlib.sha256(canonical_json(identity).encode()).digest()[:16], "little")


def seed32(*identity: object) -> int:
    """The same, cut to 31 bits, for generators that take nothing larger."""
    return derive(*identity) & 0x7FFFFFFF


class Noise:
    """Noise for the examples of a batch, row by row.

    ``key`` names the consumer (a cell key and an attack, say); row i belongs to ``examples[i]`` and to ``draw``.
    """

    def __init__(self, key: str, examples: Sequence[int] | NDArray[np.int64], draw: int = 0):
        self.key = key
        self.examples = np.asarray(examples, dtype=np.int64)
        self.draw = draw

    def rows(self, index: NDArray[np.int64] | NDArray[np.bool_]) -> Noise:
        """The noise of a part of the batch; row values do not change."""
        return Noise(self.key, self.examples[index], self.draw)

    def for_draw(self, draw: int) -> Noise:
        """The independent noise of another draw of the same examples."""
        return Noise(self.key, self.examples, draw)

    def uniform(self, use: str, shape: Sequence[int]) -> NDArray[np.float32]:
        """float32 (B, *shape), independent and uniform on [0, 1)."""
        return self._fill(use, shape, lambda g, out: g.random(out=out, dtype=np.float32))

    def normal(self, use: str, shape: Sequence[int]) -> NDArray[np.float32]:
        """float32 (B, *shape), independent standard normal."""
        return self._fill(use, shape, lambda g, out: g.standard_normal(out=out, dtype=np.float32))

    def shared(self, use: str) -> np.random.Generator:
        """A generator that is the same for every example: for choices that an algorithm shares in a batch."""
        return np.random.Generator(np.random.Philox(key=derive(self.key, "shared", use, self.draw)))

    def _fill(
        self, use: str, shape: Sequence[int], draw_into: Callable[[np.random.Generator, NDArray[np.float32]], object]
    ) -> NDArray[np.float32]:
        out = np.empty((len(self.examples), *shape), dtype=np.float32)
        key = derive(self.key, use, self.draw)
        for row, example in zip(out, self.examples, strict=True):
            counter = np.array([0, 0, example, 0], dtype=np.uint64)
            flat = np.empty(row.size, dtype=np.float32)
            draw_into(np.random.Generator(np.random.Philox(key=key, counter=counter)), flat)
            row[...] = flat.reshape(row.shape)
        return out
