"""A stand-in for the harness's target, an exactly row-wise classifier, and a small trained network on digits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional

from trustdm.bench.rng import Noise


class _Tap(torch.autograd.Function):
    """The identity; its backward pass counts images."""

    @staticmethod
    def forward(ctx, x, stub):  # type: ignore[no-untyped-def]
        ctx.stub = stub
        return x.view_as(x)

    @staticmethod
    def backward(ctx, gradient):  # type: ignore[no-untyped-def]
        ctx.stub.gradients += len(gradient)
        return gradient, None


class Stub:
    """A target that counts; a randomized one adds noise by row and call to its logits, and must see every row."""

    def __init__(self, classify: Callable[[Tensor], Tensor], classes: int, noise: Noise | None = None):
        self.classify, self.classes = classify, classes
        self.noise, self.randomized = noise, noise is not None
        self.forwards = self.gradients = self.calls = 0

    def __call__(self, x: Tensor) -> Tensor:
        self.forwards += len(x)
        self.calls += 1
        logits = self.classify(_Tap.apply(x, self) if x.requires_grad else x)
        if self.noise is not None:
            drawn = self.noise.normal(f"call {self.calls}", (self.classes,))
            assert len(drawn) == len(x), "a randomized target is asked about every row"
            logits = logits + 0.2 * torch.from_numpy(drawn)
        return logits

    def many(self, x: Tensor, draws: int) -> Iterator[Tensor]:
        for _ in range(draws):
            yield self(x)[None]

    def fixed(self, draws: int) -> Stub:
        """The average over draws that are the same at every call; it counts here."""
        return _Fixed(self, draws)

    def bare(self) -> Stub:
        """What is behind a purifier that is not there."""
        return _Bare(self)

    def straight_through(self) -> Stub:
        return self


class _Bare(Stub):
    def __init__(self, whole: Stub):
        super().__init__(whole.classify, whole.classes)
        self.whole = whole

    def __call__(self, x: Tensor) -> Tensor:
        noise, self.whole.noise = self.whole.noise, None
        logits = self.whole(x)
        self.whole.noise = noise
        return logits


class _Fixed(Stub):
    def __init__(self, whole: Stub, draws: int):
        super().__init__(whole.classify, whole.classes, whole.noise)
        self.whole, self.draws = whole, draws

    def __call__(self, x: Tensor) -> Tensor:
        self.whole.calls, before = 0, self.whole.calls
        logits = torch.stack([self.whole(x) for _ in range(self.draws)]).mean(0)
        self.whole.calls = before
        return logits


@dataclass
class RowWise:
    """Two layers made of row-wise sums, so that a row's logits are the same bits in any batch; 5 classes, 1x8x8."""

    first: Tensor
    second: Tensor
    x: Tensor
    y: Tensor
    classes: int = 5

    @staticmethod
    def make() -> RowWise:
        generator = torch.Generator().manual_seed(0)
        net = RowWise(
            torch.randn(12, 64, generator=generator) / 4,
            torch.randn(5, 12, generator=generator),
            torch.rand(16, 1, 8, 8, generator=generator),
            torch.zeros(16, dtype=torch.long),
        )
        net.y = net(net.x).argmax(1)
        return net

    def __call__(self, x: Tensor) -> Tensor:
        hidden = torch.tanh((x.flatten(1)[:, None] * self.first).sum(2))
        return (hidden[:, None] * self.second).sum(2)


@dataclass
class Digits:
    """A network trained adversarially on half of scikit-learn's digits, and the images it has not seen."""

    net: nn.Module
    x: Tensor
    y: Tensor


@pytest.fixture(scope="session")
def stub() -> type[Stub]:
    return Stub


@pytest.fixture(scope="session")
def row_wise() -> RowWise:
    return RowWise.make()


@pytest.fixture(scope="session")
def digits() -> Digits:
    raw = load_digits()
    x, y = torch.tensor(raw.images / 16, dtype=torch.float32)[:, None], torch.tensor(raw.target)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        order = torch.randperm(len(x))
        train, test = order[:1200], order[1200:]
        net = _train(x[train], y[train], steps=300, eps=0.1)
    return Digits(net, x[test], y[test])


def _train(x: Tensor, y: Tensor, steps: int, eps: float) -> nn.Module:
    net = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 24, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(24 * 16, 10),
    )
    optimizer = torch.optim.Adam(net.parameters(), 3e-3)
    for _ in range(steps):
        rows = torch.randint(len(x), (64,))
        clean, label = x[rows], y[rows]
        adv = clean + eps * (2 * torch.rand_like(clean) - 1)
        for _ in range(3):
            adv = adv.detach().requires_grad_()
            gradient = torch.autograd.grad(functional.cross_entropy(net(adv), label), adv)[0]
            adv = (adv + eps / 2 * gradient.sign()).clamp(clean - eps, clean + eps).clamp(0, 1).detach()
        optimizer.zero_grad()
        functional.cross_entropy(net(adv), label).backward()
        optimizer.step()
    return net.eval().requires_grad_(False)
