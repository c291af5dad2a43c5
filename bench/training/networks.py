"""Small reference networks; each maps images in [0, 1] to logits and normalises nothing unless it says so."""

from __future__ import annotations

import itertools

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trustdm.bench.errors import UsageError, WeightsError

GRID = 4  # side of the last feature map, whatever the side of the image


class SmallCnn(nn.Module):
    """Logits (B, ``classes``) of images (B, ``channels``, ``side``, ``side``) in [0, 1].

    Convolutions channels-16-32-32 with ReLU, each of the first log2(side / 4) followed by 2x2 max pooling, so that
    the last map is 4x4; then fully connected 64. 47,530 parameters for grey images of any side.
    """

    WIDTHS = (16, 32, 32)

    def __init__(self, side: int, channels: int = 1, classes: int = 10):
        super().__init__()
        poolings = _poolings(side, len(self.WIDTHS))
        self.convolutions = nn.ModuleList(
            nn.Conv2d(before, after, 3, padding=1) for before, after in itertools.pairwise((channels, *self.WIDTHS))
        )
        self.poolings = poolings
        self.hidden = nn.Linear(self.WIDTHS[-1] * GRID * GRID, 64)
        self.out = nn.Linear(64, classes)

    def forward(self, x: Tensor) -> Tensor:
        for i, convolution in enumerate(self.convolutions):
            x = F.relu(convolution(x))
            if i < self.poolings:
                x = F.max_pool2d(x, 2)
        logits: Tensor = self.out(F.relu(self.hidden(x.flatten(1))))
        return logits


def _poolings(side: int, most: int) -> int:
    for count in range(most + 1):
        if side == GRID * 2**count:
            return count
    sides = ", ".join(str(GRID * 2**count) for count in range(most + 1))
    raise UsageError(f"SmallCnn: side: expected one of {sides}, got {side}")


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with batch normalisation around a shortcut (He et al. 2016, Fig. 5 left)."""

    def __init__(self, before: int, after: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(after)
        self.shortcut = nn.Sequential()
        if stride > 1 or before != after:
            self.shortcut = nn.Sequential(nn.Conv2d(before, after, 1, stride=stride, bias=False), nn.BatchNorm2d(after))

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + self.shortcut(x))


class CifarResNet18(nn.Module):
    """Logits (B, ``classes``) of images (B, 3, 32, 32) in [0, 1]: ResNet-18 with the stem for 32x32 images.

    He et al. 2016 with a 3x3 stem of stride 1 and no first pooling, as most work on CIFAR-10 has it. The attribute
    names are those of the public checkpoints. Takes images as they are, without normalisation.
    """

    STAGES = ((64, 1), (128, 2), (256, 2), (512, 2))

    def __init__(self, classes: int = 10):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        before = 64
        for number, (width, stride) in enumerate(self.STAGES, 1):
            stage = nn.Sequential(ResidualBlock(before, width, stride), ResidualBlock(width, width, 1))
            self.add_module(f"layer{number}", stage)
            before = width
        self.linear = nn.Linear(before, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.bn1(self.conv1(x)))
        for number in range(1, len(self.STAGES) + 1):
            x = self.get_submodule(f"layer{number}")(x)
        logits: Tensor = self.linear(x.mean(dim=(2, 3)))
        return logits


def parameters_in(network: nn.Module) -> int:
    """The number of trainable parameters."""
    return sum(p.numel() for p in network.parameters() if p.requires_grad)


def seeded(build: type[nn.Module], seed: int, *args: int) -> nn.Module:
    """``build(*args)`` with initial weights that depend on ``seed`` alone; the global generator stays as it was."""
    state = torch.get_rng_state()
    try:
        torch.default_generator.manual_seed(seed % 2**63)
        return build(*args)
    finally:
        torch.set_rng_state(state)


def restored(build: type[nn.Module], state: dict[str, Tensor], *args: int) -> nn.Module:
    """``build(*args)`` in evaluation mode with the tensors of ``state``; no random number is drawn for it.

    Raises:
        WeightsError: names or shapes differ from those of the network.
    """
    with torch.device("meta"):
        network = build(*args)
    try:
        network.load_state_dict(state, assign=True)
    except RuntimeError as error:
        raise WeightsError(f"{build.__name__}: expected the state of this network, got another: {error}") from error
    return network.eval()
