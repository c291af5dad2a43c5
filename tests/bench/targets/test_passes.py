"""Images through networks and backward passes are counted, and nothing is left behind."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from trustdm.bench.targets.passes import backward_calls, counted, entered, network_passes


class Body(nn.Module):
    """Three layers: a pass through it is one evaluation, not three."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 16))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x.flatten(1)).view_as(x)


def test_a_network_that_raises_is_not_left_open() -> None:
    body = Body()
    with counted(body) as rows:
        with pytest.raises(RuntimeError):
            body(torch.zeros(2, 3))
        body(torch.zeros(2, 1, 4, 4))
    assert rows == {"Body": 4}
    body(torch.zeros(2, 1, 4, 4))
    assert rows == {"Body": 4}


class Holder:
    """An object with two networks, of which one is used inside the other."""

    def __init__(self) -> None:
        self.inner = Body()
        self.outer = nn.Sequential(self.inner, nn.Flatten(), nn.Linear(16, 16))


def test_an_image_is_counted_where_it_enters_from_outside() -> None:
    holder = Holder()
    with counted(holder) as rows:
        holder.outer(torch.zeros(3, 1, 4, 4))
        holder.inner(torch.zeros(2, 1, 4, 4))
    assert sum(rows.values()) == 5 and len(rows) == 2


def test_images_given_by_keyword_and_scalars_are_counted() -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.ones(1))

        def forward(self, scale: float, *, x: Tensor | None = None) -> Tensor:
            return self.weight * scale if x is None else self.weight * scale * x

    network = Scaled()
    with counted(network) as rows:
        network(2.0, x=torch.zeros(7, 3))
        network(2.0)  # no tensor: one image
    assert rows == {"Scaled": 8}


def test_each_backward_pass_is_counted() -> None:
    x = torch.ones(3, requires_grad=True)
    with backward_calls() as calls:
        (x**2).sum().backward()
        torch.autograd.grad((x**3).sum(), x)
    (x**2).sum().backward()
    assert len(calls) == 2


def test_looking_for_optimisation_leaves_autograd_as_it_was() -> None:
    engine = torch.autograd._engine_run_backward  # type: ignore[attr-defined]
    with pytest.raises(KeyError), backward_calls():
        raise KeyError
    assert torch.autograd._engine_run_backward is engine  # type: ignore[attr-defined]


def test_passes_of_a_network_are_its_own() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 1), nn.Sequential(nn.Conv2d(2, 2, 1), nn.ReLU()), nn.Flatten())
    with entered(network) as rows:
        network(torch.zeros(3, 1, 4, 4))
        network(torch.zeros(2, 1, 4, 4))
    assert network_passes(network, rows) == 5


def test_a_purifier_is_a_loop_around_its_parts() -> None:
    """Five steps of a denoiser and one classifier: six passes an image, however the two are held."""

    class Purifier(nn.Module):
        def __init__(self, parts: nn.Module) -> None:
            super().__init__()
            self.parts = parts

        def forward(self, x: Tensor) -> Tensor:
            for _ in range(5):
                x = self.parts[0](x)  # type: ignore[index]
            return self.parts[1](x).flatten(1)  # type: ignore[index, no-any-return]

    parts = [nn.Sequential(nn.Conv2d(1, 1, 1), nn.ReLU()), nn.Conv2d(1, 2, 1)]
    for held in (nn.ModuleList(parts), nn.Sequential(*parts)):
        model = Purifier(held)
        with entered(model) as rows:
            model(torch.zeros(4, 1, 2, 2))
        assert network_passes(model, rows) == 24
    with entered(object()) as rows:
        pass
    assert network_passes(object(), rows) == 0
