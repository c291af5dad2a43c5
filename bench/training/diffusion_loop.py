"""One loop for every network of a diffusion model: Adam, a warm-up, an average of the weights, exact resumption.

What is drawn in step k derives from (seed, k) alone, so a training that is killed and resumed ends with the same bytes
as one that ran through, on one machine. Nothing reads a global generator.
"""

from __future__ import annotations

import copy
import hashlib
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
import torch
from torch import Tensor, nn

from trustdm.bench.errors import ContractError, DataError
from trustdm.bench.hashing import sha256_of
from trustdm.bench.rng import derive
from trustdm.bench.training.checkpoints import StateFile, deferred_interrupt
from trustdm.bench.training.loops import OnStep, _one_thread
from trustdm.bench.training.weights import state_digest

Loss = Callable[[nn.Module, Tensor, Tensor, torch.Generator], Tensor]
"""(network, x (B, C, H, W), labels (B,), generator) -> scalar. Its ``repr`` must say what it computes."""


@dataclass(frozen=True, slots=True)
class DiffusionRecipe:
    """How long, how fast, and how the weights are averaged.

    ``seed``: a text that every random number derives from. ``lr`` is reached after ``warmup`` steps and then falls
    along a cosine to 0, or stays (``cosine`` false). ``half_life``: of the average, in images seen (Karras et al.
    2022, Table 7); at the start it is no more than ``ramp`` of the images seen so far. ``clip``: the largest norm of a
    gradient.
    """

    seed: str
    steps: int
    batch: int = 64
    lr: float = 2e-3
    warmup: int = 200
    cosine: bool = True
    half_life: float = 30_000.0
    ramp: float = 0.05
    clip: float = 1.0

    def rate(self, step: int) -> float:
        """The learning rate of step ``step`` (from 0)."""
        warm = min(1.0, (step + 1) / self.warmup) if self.warmup else 1.0
        return self.lr * warm * (0.5 * (1 + math.cos(math.pi * step / self.steps)) if self.cosine else 1.0)

    def decay(self, step: int) -> float:
        """How much of the average is kept in step ``step`` (from 0): half is left after one half-life of images."""
        half_life = min(self.half_life, self.ramp * (step + 1) * self.batch)
        return float(0.5 ** (self.batch / half_life)) if half_life > 0 else 0.0


def train_network(
    network: nn.Module,
    data: tuple[Tensor, Tensor],
    recipe: DiffusionRecipe,
    loss: Loss,
    kept_in: StateFile | None = None,
    on_step: OnStep | None = None,
) -> nn.Module:
    """The averaged ``network`` in evaluation mode; ``network`` itself is trained in place.

    ``data`` is (x (n, C, H, W), labels int64 (n,)). With a ``kept_in`` the state is written as often as it says, and at
    Ctrl-C, and a state that is there already is continued. ``on_step(step, total, loss)`` follows every step.

    Raises:
        DataError: no data, or not as many labels.
        WeightsError: the state that is there belongs to another training, or cannot be read or written.
        ContractError: the loss is no finite number.
        KeyboardInterrupt: after Ctrl-C, once the state is written.
    """
    x, labels = data
    if not len(x) or len(x) != len(labels):
        raise DataError(f"training data: expected at least one image and as many labels, got {len(x)}, {len(labels)}")
    identity = _identity(network, data, recipe, loss) if kept_in else ""
    run = _Run(network, recipe)
    if kept_in and (state := kept_in.load(identity)):
        run.restore(state)
    order = _Order(len(x), recipe)
    network.train()
    with _one_thread(), deferred_interrupt() as interrupt:
        while run.done < recipe.steps:
            index = order.batch(run.done)
            value = run.step(loss, x[index], labels[index])
            if on_step is not None:
                on_step(run.done, recipe.steps, value)
            stop = interrupt.is_set()
            if kept_in and (kept_in.due(run.done) or run.done == recipe.steps or stop):
                kept_in.save(identity, run.state())
            if stop:
                raise KeyboardInterrupt
    return run.average.eval()


class _Run:
    """Network, optimizer, average, and how many steps are done."""

    def __init__(self, network: nn.Module, recipe: DiffusionRecipe):
        self.network = network
        self.recipe = recipe
        self.average = copy.deepcopy(network).requires_grad_(False)
        self.optimizer = torch.optim.Adam(network.parameters(), lr=recipe.lr)
        self.done = 0

    def step(self, loss: Loss, x: Tensor, labels: Tensor) -> float:
        """One update; the value of the loss before it."""
        recipe, step = self.recipe, self.done
        generator = torch.Generator().manual_seed(derive(recipe.seed, "step", step) % 2**63)
        for group in self.optimizer.param_groups:
            group["lr"] = recipe.rate(step)
        self.optimizer.zero_grad(set_to_none=True)
        value = loss(self.network, x, labels, generator)
        if not math.isfinite(value.item()):
            raise ContractError(f"training {recipe.seed}: step {step + 1}: the loss is {value.item()}; lower the rate")
        value.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), recipe.clip)
        self.optimizer.step()
        update_average(self.average, self.network, recipe.decay(step))
        self.done += 1
        return value.item()

    def state(self) -> dict[str, object]:
        return {
            "step": self.done,
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }

    def restore(self, state: dict[str, object]) -> None:
        self.network.load_state_dict(state["network"])  # type: ignore[arg-type]
        self.average.load_state_dict(state["average"])  # type: ignore[arg-type]
        self.optimizer.load_state_dict(state["optimizer"])  # type: ignore[arg-type]
        self.done = int(state["step"])  # type: ignore[call-overload]


@torch.no_grad()
def update_average(average: nn.Module, network: nn.Module, decay: float) -> None:
    """average <- decay * average + (1 - decay) * network, for every parameter; buffers are copied."""
    for old, new in zip(average.parameters(), network.parameters(), strict=True):
        old.lerp_(new, 1 - decay)
    for kept, buffer in zip(average.buffers(), network.buffers(), strict=True):
        kept.copy_(buffer)


class _Order:
    """Which images are in which batch: whole shuffled passes laid end to end."""

    def __init__(self, count: int, recipe: DiffusionRecipe):
        self.count, self.recipe = count, recipe
        self._passes: dict[int, Tensor] = {}

    def batch(self, step: int) -> Tensor:
        start = step * self.recipe.batch
        places = range(start, start + self.recipe.batch)
        return torch.stack([self._pass(place // self.count)[place % self.count] for place in places])

    def _pass(self, number: int) -> Tensor:
        if number not in self._passes:
            g = np.random.Generator(np.random.Philox(key=derive(self.recipe.seed, "order", number)))
            self._passes = {k: v for k, v in self._passes.items() if k == number - 1}
            self._passes[number] = torch.from_numpy(g.permutation(self.count))
        return self._passes[number]


def _identity(network: nn.Module, data: tuple[Tensor, Tensor], recipe: DiffusionRecipe, loss: Loss) -> str:
    """A digest of everything that decides the outcome: start, data, recipe, loss."""
    digest = hashlib.sha256()
    for part in data:
        digest.update(part.contiguous().numpy().tobytes())
    return sha256_of([state_digest(network), digest.hexdigest(), asdict(recipe), repr(loss)])
