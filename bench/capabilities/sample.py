"""Seeds in, images out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from trustdm.bench.capabilities.contract import Capability
from trustdm.bench.contracts import MethodCard

if TYPE_CHECKING:
    from torch import Tensor


@runtime_checkable
class Generator(Protocol):
    """A generator of images."""

    def sample(self, seeds: Sequence[int], labels: Tensor | None, steps: int) -> Tensor:
        """Returns images.

        Args:
            seeds: n different integers from 0 to 2^32 - 1. Image i depends on ``seeds[i]`` (and its label) only,
                whatever else is asked for; ``bench.rng.Noise("sample", seeds)`` gives such noise. Code that cannot do
                so draws from global generators and declares ``randomness="block-seeded"``.
            labels: int64 (n,) class labels, or None: without a condition.
            steps: how many steps to take. The harness counts the passes through networks itself.

        Returns:
            Floating point (n, C, H, W), finite, in [0, 1]; the harness rounds to 8 bits.

        Example::

            def sample(self, seeds, labels, steps):
                x = torch.stack([torch.randn(3, 32, 32, generator=torch.Generator().manual_seed(s)) for s in seeds])
                for sigma, lower in itertools.pairwise(self.levels(steps)):
                    x = x + (lower - sigma) * (x - self.network(x, sigma, labels)) / sigma
                return (x.clamp(-1, 1) + 1) / 2
        """
        ...


class Sample(Capability):
    """A generator of images."""

    name = "sample"
    summary = "seeds (and labels) to images in [0, 1]"
    call = "sample(seeds, labels, steps)"
    questions = "trustdm.bench.targets.sample:questions"
    checks = "trustdm.bench.checks.sample:CHECKS"

    def misfit(self, card: MethodCard, shape: tuple[int, ...], classes: int) -> str:
        """A generator without labels fits any number of classes."""
        return super().misfit(card, shape, classes if card.classes else 0)


SAMPLE = Sample()
