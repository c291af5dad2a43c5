"""What a check looks at: a loaded plugin with the inputs to probe it with, and the state of global generators."""

from __future__ import annotations

import hashlib
import pickle
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trustdm.bench.capabilities.classify import CLASSIFY
from trustdm.bench.capabilities.contract import Capability
from trustdm.bench.capabilities.denoise import DENOISE
from trustdm.bench.capabilities.sample import SAMPLE
from trustdm.bench.contracts import AttackCard, DatasetCard, MethodCard
from trustdm.bench.errors import ContractError
from trustdm.bench.foreign import one_process
from trustdm.bench.rng import Noise
from trustdm.bench.types import Budget

if TYPE_CHECKING:
    from torch import Tensor

KEY = "conformance"
ROWS = 6
BATCH_SIZE = 64
SAMPLE_STEPS = 3
MORE_STEPS = 4 * SAMPLE_STEPS
Check = Callable[[Any], str | None]


def require(condition: bool, message: str) -> None:
    """Raises ContractError with ``message`` unless ``condition`` holds."""
    if not condition:
        raise ContractError(message)


def generators() -> dict[str, str]:
    """A fingerprint of each global generator that is loaded, by name."""
    states: dict[str, object] = {"random": random.getstate(), "numpy.random": np.random.get_state()}  # noqa: NPY002
    if torch := sys.modules.get("torch"):
        states["torch"] = torch.get_rng_state().numpy().tobytes()
        if torch.cuda.is_initialized():
            states["torch.cuda"] = [state.numpy().tobytes() for state in torch.cuda.get_rng_state_all()]
    return {name: hashlib.sha256(pickle.dumps(state)).hexdigest() for name, state in states.items()}


@contextmanager
def generators_untouched(who: str) -> Iterator[None]:
    """Raises ContractError where a global generator is drawn from or seeded inside.

    They start in a state of their own, or seeding to the state they happen to be in would go unseen.
    """
    from trustdm.bench.method import seeded

    with seeded(KEY, "generators"):
        before = generators()
        yield
        now = generators()
    moved = [name for name in before if now[name] != before[name]]
    require(not moved, f"{who}: expected global generators to stay as they were, got changes to {', '.join(moved)}")


def require_same_images(got: Tensor, expected: Tensor, what: str) -> None:
    """Raises ContractError where images in [0, 1] are not the same after rounding to 8 bits.

    One pixel in a thousand, or four of a few images, may differ by one level: sums in a batch of another size end
    otherwise.
    """
    from trustdm.bench.features.quantise import quantised

    apart = (quantised(got, "round").int() - quantised(expected, "round").int()).abs()
    count, worst = int((apart > 0).sum()), int(apart.max())
    require(
        worst <= 1 and count <= max(4, apart.numel() // 1000),
        f"{what}, got {count} of {apart.numel()} pixels apart by up to {worst} of 255",
    )


def require_close(got: Tensor, expected: Tensor, tolerance: float, what: str) -> None:
    """Raises ContractError where logits differ by more than ``tolerance`` times the larger of 1 and their size."""
    worst = float((got - expected).abs().max()) / max(1.0, float(expected.abs().max()))
    require(worst <= tolerance, f"{what}, got a difference of {worst:.2g} (tolerance {tolerance:g})")


@dataclass(frozen=True)
class MethodCase:
    """A method under test. ``load`` gives a new one on every call; ``loaded`` is the one that most checks share.

    Its inputs are on ``device``, and it is put there.
    """

    load: Callable[[], Any]
    card: MethodCard
    device: str = "cpu"

    @cached_property
    def loaded(self) -> Any:
        return self.load()

    @property
    def images(self) -> Tensor:
        """A new float32 (6, C, H, W) in [0.1, 0.9]: uniform noise, each row of another contrast."""
        import torch

        noise = Noise(KEY, range(ROWS)).uniform("images", self.card.input_shape)
        contrast = np.linspace(0.3, 1.0, ROWS, dtype=np.float32).reshape(-1, 1, 1, 1)
        return torch.from_numpy(0.5 + 0.8 * contrast * (noise - 0.5)).to(self.device)

    def able(self, capability: Capability, thing: Any = None) -> Callable[..., Any]:
        """What the method (or another object of it) is called by, on the device; a process that a call forks off ends
        there, or every check would go on in two."""
        from trustdm.bench.method import place

        call = place(self.loaded if thing is None else thing, self.card, self.device, capability)

        def alone(*arguments: Any) -> Any:
            with one_process():
                return call(*arguments)

        return alone

    def normal(self, use: str, shape: Sequence[int], rows: int = ROWS) -> Tensor:
        """float32 (rows, *shape), standard normal, the same on every device."""
        import torch

        return torch.from_numpy(Noise(KEY, range(rows)).normal(use, tuple(shape))).to(self.device)

    def logits(self, x: Tensor, *, examples: Sequence[int] | None = None, key: str = KEY, thing: Any = None) -> Tensor:
        """Logits of ``x`` as the harness would ask for them; row i takes the noise of ``examples[i]``."""
        from trustdm.bench.method import TorchNoise, seeded

        classify = self.able(CLASSIFY, thing)
        if self.card.randomness == "keyed":
            logits = classify(x, TorchNoise(Noise(key, examples or range(len(x))), x.device))
        elif self.card.randomness == "block-seeded":
            with seeded(key):
                logits = classify(x)
        else:
            logits = classify(x)
        return logits  # type: ignore[no-any-return]

    @property
    def seeds(self) -> list[int]:
        """Those of the images to sample: not in order, and none follows from its place."""
        return [11, 3, 2**32 - 1, 0, 5, 4]

    @property
    def labels(self) -> NDArray[np.int64] | None:
        """A new int64 (6,); None for a generator without classes."""
        return np.arange(1, ROWS + 1, dtype=np.int64) % self.card.classes if self.card.classes else None

    def sample(
        self,
        rows: Sequence[int] = range(ROWS),
        steps: int = SAMPLE_STEPS,
        *,
        labels: NDArray[np.int64] | None = None,
        conditional: bool = True,
        key: str = KEY,
        thing: Any = None,
    ) -> tuple[Tensor, int]:
        """Images of ``seeds[rows]`` as the harness would ask for them, and the passes of images through networks.

        ``labels`` of these rows in place of the case's; not ``conditional``: without any. ``key`` seeds the global
        generators of a block-seeded one.
        """
        from trustdm.bench.method import Meter, seeded
        from trustdm.bench.targets.sample import GeneratorTarget

        thing = self.loaded if thing is None else thing
        if labels is None and conditional and self.labels is not None:
            labels = self.labels[list(rows)]
        source = GeneratorTarget(thing, self.able(SAMPLE, thing), self.card, Meter(), self.device)
        seeds = [self.seeds[i] for i in rows]
        if self.card.randomness == "block-seeded":
            with seeded(key):
                return source(seeds, labels, steps)
        return source(seeds, labels, steps)

    @cached_property
    def sampled(self) -> tuple[Tensor, int]:
        """The six images that most checks compare with, and their passes."""
        return self.sample()

    @cached_property
    def clean(self) -> Tensor:
        """(6, C, H, W) images as it makes them: its denoiser knows no others. ``images``, where it makes none."""
        return self.sample(steps=MORE_STEPS)[0] if "sample" in self.card.capabilities else self.images

    def denoised(self, x: Tensor, sigma: Tensor, rows: Sequence[int] = range(ROWS)) -> Tensor:
        """The denoiser's answer to images ``x`` at levels ``sigma`` (B,), with the labels of ``rows``."""
        import torch

        from trustdm.bench.method import seeded

        denoise = self.able(DENOISE)
        labels = None if self.labels is None else torch.from_numpy(self.labels[list(rows)]).to(self.device)
        if self.card.randomness == "block-seeded":
            with seeded(KEY):
                return denoise(x, sigma, labels)  # type: ignore[no-any-return]
        return denoise(x, sigma, labels)  # type: ignore[no-any-return]

    def gradient(self, x: Tensor, weights: Tensor) -> Tensor:
        """d/dx of the sum of ``weights`` times the logits; zeros where no gradient reaches ``x``."""
        import torch

        leaf = x.clone().requires_grad_()
        with torch.enable_grad():
            total = (self.logits(leaf) * weights).sum()
        if not total.requires_grad:
            return torch.zeros_like(x)
        with one_process():
            (gradient,) = torch.autograd.grad(total, leaf, allow_unused=True)
        return torch.zeros_like(x) if gradient is None else gradient


@dataclass(frozen=True)
class AttackCase:
    """An attack under test, against a small network of known weights and its own predictions."""

    attack: Any
    card: AttackCard
    classes: int = 10
    shape: tuple[int, int, int] = (1, 8, 8)

    @property
    def loaded(self) -> Any:
        return self.attack

    @property
    def budgets(self) -> list[Budget]:
        from fractions import Fraction

        radius = {"linf": Fraction(1, 20), "l2": Fraction(1, 4)}
        return [Budget(norm, radius[norm]) for norm in self.card.norms]

    @property
    def images(self) -> Tensor:
        """A new float32 (6, 1, 8, 8) in [0, 1]; uniform noise, two rows at the border of the box."""
        import torch

        x = torch.from_numpy(Noise(KEY, range(ROWS)).uniform("images", self.shape))
        x[1], x[2] = (x[1] > 0.5).float(), x[2].round()
        return x

    @cached_property
    def labels(self) -> Tensor:
        labels: Tensor = self.target()(self.images).argmax(1)
        return labels

    def target(self) -> Any:
        """A counted ``AttackTarget``: two layers in double precision, so that a row is the same in any batch.

        It has the stages that attacks on purified methods ask for: its purifier is the identity.
        """
        import torch

        from trustdm.bench.method import Meter
        from trustdm.bench.targets.classify import Target
        from trustdm.bench.targets.randomized import RandomizedTarget

        pixels = int(np.prod(self.shape))
        noise = Noise(KEY, [0])
        first = torch.from_numpy(noise.normal("first", (pixels, 32))[0]).double() / pixels**0.5
        second = torch.from_numpy(noise.normal("second", (32, self.classes))[0]).double()

        def classify(x: Tensor) -> Tensor:
            return torch.tanh(4 * (x.flatten(1).double() - 0.5) @ first) @ second

        card = MethodCard(name="toy", input_shape=self.shape, classes=self.classes)
        stages = SimpleNamespace(purify=lambda x: x, classify_purified=classify)
        return RandomizedTarget(Target(classify, card, Meter(), KEY), stages, np.arange(ROWS), BATCH_SIZE)

    def run(self, budget: Budget, rows: Sequence[int] = range(ROWS), target: Any = None) -> Tensor:
        """What the attack makes of these rows, each with the noise of its own example."""
        index = list(rows)
        noise = Noise(KEY, np.array(index, dtype=np.int64))
        x, y = self.images[index], self.labels[index]
        found: Tensor = self.attack.perturb(target or self.target(), x, y, budget, noise)
        return found.detach()

    @cached_property
    def results(self) -> dict[str, Tensor]:
        """The outcome for all rows, by norm."""
        return {budget.norm: self.run(budget) for budget in self.budgets}


@dataclass(frozen=True)
class DatasetCase:
    """A data set under test; ``shape`` and ``classes`` are the suite's where the card leaves them open."""

    load: Callable[[], Any]
    card: DatasetCard
    shape: tuple[int, ...]
    classes: int

    @cached_property
    def loaded(self) -> Any:
        return self.load()

    @cached_property
    def index(self) -> NDArray[np.int64]:
        """At most 64 indices that are on this machine, spread over the data set, ascending."""
        size = len(self.loaded)
        spread = np.unique(np.linspace(0, size - 1, min(size, 64)).astype(np.int64))
        here = getattr(self.loaded, "here", None)
        if here is None or here(spread).all():
            return spread
        everything = np.arange(size, dtype=np.int64)
        available: NDArray[np.int64] = everything[here(everything)][:64]
        return available
