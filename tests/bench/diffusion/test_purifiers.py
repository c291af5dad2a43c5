"""What solvers refuse, and the card of a purifier that is made of a denoiser."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from trustdm.bench.contracts import MethodCard, WeightFile
from trustdm.bench.diffusion.purifiers import check, purifier_card
from trustdm.bench.errors import UsageError
from trustdm.bench.parts import Part

NAN = float("nan")
DENOISER = MethodCard(
    name="den",
    title="A denoiser",
    capabilities=("denoise", "sample"),
    input_shape=(3, 8, 8),
    classes=10,
    data=("things",),
    weights=(WeightFile(file="a.npz", sha256="0" * 64),),
    external_data=True,
    gradient="surrogate",
    tags=("own",),
)
WHOLE = MethodCard(
    name="pur", title="A purifier", capabilities=("purify",), input_shape=(1, 1, 1), classes=0, randomness="keyed"
)


def part_of(card: MethodCard) -> Part:
    return Part(card, card.name, {}, lambda: None)


@pytest.mark.parametrize("solver", ["sde", "ode", "ddpm", "ddim"])
@pytest.mark.parametrize(("t", "steps"), [(0.1, 1), (0.1, 100), (1, 1), (1.0, 1000), (0.001, 1)])
def test_what_a_solver_can_do_passes(solver: str, t: float, steps: int) -> None:
    check(solver, t, steps)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("sde", 0.0, 10), "t: expected a time above 0 and at most 1 (0.1 is 100 of 1000 timesteps), got 0.0"),
        (("sde", 100, 10), "t: expected a time above 0 and at most 1 (0.1 is 100 of 1000 timesteps), got 100"),
        (("ode", 1e-5, 10), "t: expected a time above 0"),
        (("ode", -0.1, 10), "t: expected a time above 0"),
        (("ddpm", 1.01, 10), "t: expected a time above 0"),
        (("ddim", NAN, 10), "t: expected a time above 0"),
        (("sde", 0.1, 0), "steps: expected at least 1, got 0"),
        (("ddpm", 0.1, 0), "steps: expected at least 1 and at most 100, the timesteps up to t = 0.1, got 0"),
        (("ddpm", 0.1, 101), "steps: expected at least 1 and at most 100, the timesteps up to t = 0.1, got 101"),
        (("ddim", 0.075, 76), "at most 75, the timesteps up to t = 0.075, got 76"),
        (("ddpm", 0.0003, 1), "t: expected at least 0.001 where solver is ddpm: one timestep, got 0.0003"),
        (("ddim", 0.1, 10, 1.5), "eta: expected 0 to 1, got 1.5"),
        (("ddim", 0.1, 10, -0.5), "eta: expected 0 to 1, got -0.5"),
        (("ddim", 0.1, 10, NAN), "eta: expected 0 to 1, got nan"),
        (("sde", 0.1, 10, 0.5), "eta: expected 0 where solver is sde, which has none, got 0.5"),
        (("ddpm", 0.1, 10, 1.0), "eta: expected 0 where solver is ddpm, which has none, got 1.0"),
    ],
)
def test_what_it_cannot_is_one_line(given: tuple[Any, ...], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        check(*given)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_a_solver_in_continuous_time_takes_as_many_steps_as_one_likes() -> None:
    check("sde", 0.0003, 5000)
    check("ddim", 0.1, 100, 1.0)


def test_the_card_has_the_shape_the_data_and_the_weights_of_the_denoiser() -> None:
    card = purifier_card(WHOLE, part_of(DENOISER))
    for name in ("input_shape", "data", "weights", "external_data", "generated_data", "gradient"):
        assert getattr(card, name) == getattr(DENOISER, name), name
    for name in ("name", "title", "capabilities", "classes", "randomness", "tags"):
        assert getattr(card, name) == getattr(WHOLE, name), name


@pytest.mark.parametrize("randomness", ["keyed", "block-seeded"])
def test_a_denoiser_with_randomness_of_its_own_is_refused(randomness: str) -> None:
    with pytest.raises(
        UsageError, match=f"^pur: expected a denoiser that draws no random numbers, got den: {randomness}$"
    ):
        purifier_card(WHOLE, part_of(DENOISER.model_copy(update={"randomness": randomness})))


def test_importing_it_needs_no_torch() -> None:
    code = "import sys, trustdm.bench.diffusion.purifiers; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
