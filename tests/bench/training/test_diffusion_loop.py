from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from trustdm.bench.errors import ContractError, DataError, WeightsError
from trustdm.bench.training.checkpoints import StateFile
from trustdm.bench.training.diffusion_loop import DiffusionRecipe, _Order, train_network, update_average

RECIPE = DiffusionRecipe("toy", steps=30, batch=8, lr=1e-2, warmup=5, half_life=100)


@dataclass(frozen=True)
class Toy:
    """A loss that draws from the generator it is given."""

    scale: float = 1.0

    def __call__(self, network: nn.Module, x: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        noise = torch.randn(x.shape, generator=generator)
        return self.scale * (network(x + noise) - x).square().mean() + 0.0 * labels.sum()


def data(n: int = 20) -> tuple[Tensor, Tensor]:
    g = torch.Generator().manual_seed(0)
    return torch.randn(n, 1, 4, 4, generator=g), torch.arange(n) % 10


def network(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.SiLU(), nn.Conv2d(4, 1, 3, padding=1))


def state(network: nn.Module) -> list[bytes]:
    return [value.numpy().tobytes() for value in network.state_dict().values()]


def test_the_rate_warms_up_and_falls_along_a_cosine() -> None:
    recipe = DiffusionRecipe("r", steps=100, lr=1.0, warmup=10)
    assert [recipe.rate(k) for k in (0, 4)] == pytest.approx([0.1 * 1.0, 0.5 * 0.996057], rel=1e-5)
    assert [recipe.rate(k) for k in (50, 100)] == pytest.approx([0.5, 0.0])
    flat = replace(recipe, cosine=False, warmup=0)
    assert {flat.rate(k) for k in range(100)} == {1.0}


def test_half_of_the_average_is_left_after_a_half_life_of_images() -> None:
    recipe = DiffusionRecipe("r", steps=1, batch=50, half_life=1000, ramp=0.05)
    kept = np.prod([recipe.decay(k) for k in range(10_000, 10_020)])
    assert kept == pytest.approx(0.5)
    # Before that the half-life is a twentieth of the images seen: 50 of 1000 after 20 steps.
    assert recipe.decay(19) == pytest.approx(0.5)
    assert replace(recipe, half_life=0).decay(5) == 0.0


def test_the_average_of_constant_weights_decays_as_the_closed_form_says() -> None:
    average, fixed = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        average.weight.fill_(5.0)
        fixed.weight.fill_(2.0)
    decays = [0.9, 0.5, 0.99]
    for decay in decays:
        update_average(average, fixed, decay)
    assert average.weight.item() == pytest.approx(2.0 + 3.0 * np.prod(decays), rel=1e-6)


def test_the_average_of_a_training_is_the_recursion_over_its_weights() -> None:
    seen: list[Tensor] = []
    net = network()
    first = net.get_parameter("0.weight").detach().clone()
    done = train_network(
        net, data(), RECIPE, Toy(), on_step=lambda *_: seen.append(net.get_parameter("0.weight").detach().clone())
    )
    expected = first
    for step, weight in enumerate(seen):
        expected = RECIPE.decay(step) * expected + (1 - RECIPE.decay(step)) * weight
    torch.testing.assert_close(done.get_parameter("0.weight"), expected, rtol=1e-5, atol=1e-6)
    assert not done.training
    torch.testing.assert_close(done.get_buffer("1.running_mean"), net.get_buffer("1.running_mean"))


def test_training_learns_and_reports_every_step() -> None:
    seen: list[tuple[int, int, float]] = []
    train_network(network(), data(200), replace(RECIPE, steps=150), Toy(), on_step=lambda *a: seen.append(a))
    assert [step for step, _, _ in seen] == list(range(1, 151))
    assert {total for _, total, _ in seen} == {150}
    losses = [loss for _, _, loss in seen]
    assert np.mean(losses[-30:]) < 0.75 * np.mean(losses[:10])


def test_two_trainings_give_the_same_bytes_whatever_the_global_generators_do() -> None:
    def run(recipe: DiffusionRecipe, disturb: int) -> list[bytes]:
        net = network()
        torch.manual_seed(disturb)
        before = torch.get_rng_state()
        done = train_network(net, data(), recipe, Toy())
        assert torch.equal(torch.get_rng_state(), before)
        return state(done)

    assert run(RECIPE, 1) == run(RECIPE, 2)
    assert run(RECIPE, 1) != run(replace(RECIPE, seed="other"), 1)


@pytest.mark.parametrize("stop", [1, 7, 29])
def test_a_resumed_training_ends_with_the_bytes_of_an_uninterrupted_one(stop: int, tmp_path: Path) -> None:
    class Stop(Exception):
        pass

    def stops(step: int, total: int, loss: float) -> None:
        if step == stop:
            raise Stop

    kept_in = StateFile(tmp_path / "toy.training.pt", every=3)
    with pytest.raises(Stop):
        train_network(network(), data(), RECIPE, Toy(), kept_in, stops)
    steps: list[int] = []
    resumed = train_network(network(), data(), RECIPE, Toy(), kept_in, lambda step, *_: steps.append(step))
    assert steps[0] == stop // 3 * 3 + 1 and steps[-1] == 30
    assert state(resumed) == state(train_network(network(), data(), RECIPE, Toy()))


def test_a_finished_training_is_not_repeated(tmp_path: Path) -> None:
    kept_in = StateFile(tmp_path / "toy.training.pt", every=1000)
    first = train_network(network(), data(), RECIPE, Toy(), kept_in)
    again = train_network(network(), data(), RECIPE, Toy(), kept_in, lambda *_: pytest.fail("a step was taken"))
    assert state(again) == state(first)


def test_ctrl_c_leaves_the_state_of_the_step_it_came_in(tmp_path: Path) -> None:
    kept_in = StateFile(tmp_path / "toy.training.pt", every=1000)

    def interrupt(step: int, total: int, loss: float) -> None:
        if step == 6:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.01)

    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        train_network(network(), data(), RECIPE, Toy(), kept_in, interrupt)
    assert signal.getsignal(signal.SIGINT) is handler
    steps: list[int] = []
    resumed = train_network(network(), data(), RECIPE, Toy(), kept_in, lambda step, *_: steps.append(step))
    assert steps[0] == 7
    assert state(resumed) == state(train_network(network(), data(), RECIPE, Toy()))


Change = Callable[[], tuple[nn.Module, tuple[Tensor, Tensor], DiffusionRecipe, Toy]]


@pytest.mark.parametrize(
    "other",
    [
        lambda: (network(1), data(), RECIPE, Toy()),
        lambda: (network(), data(21), RECIPE, Toy()),
        lambda: (network(), data(), replace(RECIPE, lr=2e-2), Toy()),
        lambda: (network(), data(), RECIPE, Toy(2.0)),
    ],
    ids=["weights", "data", "recipe", "loss"],
)
def test_the_state_of_another_training_is_refused(other: Change, tmp_path: Path) -> None:
    kept_in = StateFile(tmp_path / "toy.training.pt")
    train_network(network(), data(), RECIPE, Toy(), kept_in)
    with pytest.raises(WeightsError, match=r"toy\.training\.pt: expected the state of this training, got .* another"):
        net, given, recipe, loss = other()
        train_network(net, given, recipe, loss, kept_in)


def test_a_loss_that_is_no_number_is_one_line() -> None:
    with pytest.raises(ContractError, match="training toy: step 1: the loss is nan; lower the rate"):
        train_network(network(), data(), RECIPE, Toy(float("nan")))


@pytest.mark.parametrize(
    "given", [(torch.zeros(0, 1, 4, 4), torch.zeros(0)), (torch.zeros(3, 1, 4, 4), torch.zeros(2))]
)
def test_wrong_data_is_one_line(given: tuple[Tensor, Tensor]) -> None:
    with pytest.raises(DataError, match="at least one image and as many labels"):
        train_network(network(), given, RECIPE, Toy())


def test_every_image_is_used_equally_often_and_no_two_passes_are_alike() -> None:
    order = _Order(12, replace(RECIPE, batch=8))
    stream = torch.cat([order.batch(step) for step in range(9)])
    assert torch.bincount(stream).tolist() == [6] * 12
    assert not torch.equal(stream[:12], stream[12:24])
    later = _Order(12, replace(RECIPE, batch=8))
    assert torch.equal(later.batch(8), stream[64:])
