"""How the harness looks at a smoothed classifier: noise on the device, class counts, nothing kept between draws."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trustdm.bench.contracts import MethodCard
from trustdm.bench.errors import ContractError
from trustdm.bench.rng import Noise, derive
from trustdm.bench.runner.job import NoisyContext
from trustdm.bench.targets.classify import Meter, TorchNoise, blamed

SLAB = 100
"""Draws that are made by one call: the noise then does not depend on the batch size."""
ROWS = 128
"""Noisy images in a batch for each position that is asked for at once."""
MOST_ROWS = {"cpu": 400, "cuda": 4096}
"""On a CPU more rows than these leave the cache, and are slower."""
DRAWS_A_POSITION = 1 << 32
CHECKED = 16


class NoisyTarget:
    """A base classifier as the harness calls it: no gradients, every image counted, labels checked."""

    def __init__(self, classify_noisy: Callable[..., Any], card: MethodCard, meter: Meter, key: str):
        self._call = classify_noisy
        self._card = card
        self._key = key
        self.meter = meter
        self.classes = card.classes

    def labels(self, x: Tensor, sigma: float, draws: NDArray[np.int64], use: str) -> Tensor:
        """int64 labels (B,) of noisy images (B, C, H, W); ``draws`` (B,) name what each row is a draw of.

        ``use`` tells the draws that select from those that estimate: the noise of a keyed method differs too.

        Raises:
            ContractError: it raised, or answered with something else than logits or labels.
        """
        return self._labels(self._answer(x, sigma, draws, f"inside/{use}")[0], len(x))

    def check(self, x: Tensor, sigma: float, draws: NDArray[np.int64]) -> None:
        """Refuses a classifier whose noise is not what its card says.

        The bound of Clopper and Pearson needs independent draws. A classifier that draws by itself without saying so
        cannot be repeated; one that keeps its noise makes all draws of an image alike in what it adds.

        Raises:
            ContractError: equal noise gives different answers, or new noise gives the same.
        """
        what = f"{self._card.name}: classify_noisy"
        first, _ = self._answer(x, sigma, draws, "check")
        self._labels(first, len(x))
        if not torch.equal(first, self._answer(x, sigma, draws, "check")[0]):
            raise ContractError(
                f"{what}: expected the same answer for the same input, got another: it draws random numbers without "
                'saying so; take them from the noise argument of a card with randomness="keyed"'
            )
        if self._card.randomness != "keyed":
            return
        again, drawn = self._answer(x, sigma, draws, "check again")
        # Labels may well be the same under other noise; logits are not.
        if not drawn or (again.is_floating_point() and torch.equal(first, again)):
            raise ContractError(
                f"{what}: expected new noise to change the answers of a keyed method, got the same ones: it keeps its "
                'noise, which voids the certificate, or needs none (randomness="none")'
            )

    def _answer(self, x: Tensor, sigma: float, draws: NDArray[np.int64], use: str) -> tuple[Tensor, bool]:
        """What it answers, and whether it asked for noise."""
        self.meter.forwards += len(x)
        given = x.clone()
        noise = _Asked(Noise(f"{self._key}/{use}", draws), x.device)
        extra = [noise] if self._card.randomness == "keyed" else []
        with torch.no_grad(), blamed(f"{self._card.name}: classify_noisy"):
            answer = self._call(given, sigma, *extra)
        if not torch.equal(given, x):
            raise ContractError(f"{self._card.name}: classify_noisy: expected its input unchanged, got it written to")
        if not isinstance(answer, Tensor):
            raise ContractError(
                f"{self._card.name}: classify_noisy: expected logits or labels, got {type(answer).__name__}"
            )
        return answer, noise.asked

    def _labels(self, answer: Tensor, n: int) -> Tensor:
        name = f"{self._card.name}: classify_noisy"
        if answer.ndim == 1 and not answer.is_floating_point():
            if len(answer) != n:
                raise ContractError(f"{name}: expected {n} labels, got {len(answer)}")
            low, high = int(answer.min()), int(answer.max())
            if low < 0 or high >= self.classes:
                raise ContractError(f"{name}: expected labels from 0 to {self.classes - 1}, got {low} to {high}")
            return answer.long()
        want = (n, self.classes)
        if tuple(answer.shape) != want or not answer.is_floating_point():
            raise ContractError(f"{name}: expected logits {want}, got {answer.dtype} of shape {tuple(answer.shape)}")
        if not bool(torch.isfinite(answer).all()):
            raise ContractError(f"{name}: expected finite logits, got NaN or infinity")
        return answer.argmax(dim=1)


class _Asked(TorchNoise):
    """Noise that remembers whether anybody asked for it."""

    asked = False

    def normal(self, use: str, shape: tuple[int, ...]) -> Tensor:
        """As ``TorchNoise.normal``."""
        self.asked = True
        return super().normal(use, shape)

    def uniform(self, use: str, shape: tuple[int, ...]) -> Tensor:
        """As ``TorchNoise.uniform``."""
        self.asked = True
        return super().uniform(use, shape)


@dataclass
class Stream:
    """The noise of one position, made on the device, the same whatever else is in the batch."""

    generator: torch.Generator
    shape: tuple[int, ...]
    use: str
    drawn: int = 0

    @staticmethod
    def of(context: NoisyContext, row: int, use: str) -> Stream:
        """That of row ``row`` of the block; ``use`` tells selection from estimation."""
        generator = torch.Generator(context.x.device)
        generator.manual_seed(derive(context.key, "noise", use, int(context.position[row])) % 2**63)
        return Stream(generator, tuple(context.x.shape[1:]), use)

    def take(self, count: int) -> Tensor:
        """The next ``count`` draws, standard normal (count, C, H, W)."""
        self.drawn += count
        return torch.randn((count, *self.shape), generator=self.generator, device=self.generator.device)


def class_counts(
    context: NoisyContext, sigma: float, streams: dict[int, Stream], draws: dict[int, int]
) -> NDArray[np.int64]:
    """Class counts (rows, K) of the next ``draws[row]`` draws of the rows in ``draws``; 0 for the others.

    Batches span images; rows are counted at once, not label by label.
    """
    classes = context.source.classes
    counts = torch.zeros(len(context.position) * classes, dtype=torch.int64, device=context.x.device)
    for rows, ids, noise, use in _batches(context, streams, draws):
        x = context.x[torch.as_tensor(context.image[rows], device=context.x.device)] + sigma * noise
        labels = context.source.labels(x, sigma, ids, use)
        slots = torch.as_tensor(rows, device=context.x.device) * classes + labels
        counts += torch.bincount(slots, minlength=len(counts))
    return counts.view(-1, classes).cpu().numpy()


def check(context: NoisyContext, sigma: float) -> None:
    """Makes the source prove itself on a few draws of the first image, which are not used for anything else."""
    stream = Stream.of(context, 0, "check")
    x = context.x[:1] + sigma * stream.take(CHECKED)
    context.source.check(x, sigma, np.arange(CHECKED))


def _batches(
    context: NoisyContext, streams: dict[int, Stream], draws: dict[int, int]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], Tensor, str]]:
    """(row of each draw, name of each draw, noise, use) in batches made of whole slabs of one use."""
    most = max(SLAB, min(context.batch_size * ROWS, MOST_ROWS[context.x.device.type]))
    held: list[tuple[int, int, Tensor]] = []
    size, use = 0, ""
    for row, total in draws.items():
        for start in range(0, total, SLAB):
            count = min(SLAB, total - start)
            if held and (size + count > most or streams[row].use != use):
                yield *_joined(context, held), use
                held, size = [], 0
            use = streams[row].use
            first = streams[row].drawn
            held.append((row, first, streams[row].take(count)))
            size += count
    if held:
        yield *_joined(context, held), use


def _joined(
    context: NoisyContext, held: list[tuple[int, int, Tensor]]
) -> tuple[NDArray[np.int64], NDArray[np.int64], Tensor]:
    rows = np.concatenate([np.full(len(noise), row) for row, _, noise in held])
    ids = [int(context.position[row]) * DRAWS_A_POSITION + first + np.arange(len(n)) for row, first, n in held]
    return rows, np.concatenate(ids).astype(np.int64), torch.cat([noise for _, _, noise in held])
