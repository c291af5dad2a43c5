from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from trustdm.bench.checks.cases import AttackCase, DatasetCase, MethodCase, generators, generators_untouched, require
from trustdm.bench.checks.cases import require_close as close
from trustdm.bench.contracts import AttackCard, DatasetCard, KeyedNoise, MethodCard
from trustdm.bench.errors import ContractError

CARD = MethodCard(name="toy", input_shape=(1, 4, 4), classes=3)


def test_require_raises_its_message() -> None:
    require(True, "never")
    with pytest.raises(ContractError, match="expected 3, got 4"):
        require(False, "expected 3, got 4")


def test_closeness_is_relative_to_large_logits_and_absolute_for_small_ones() -> None:
    close(torch.tensor([1000.0, 1.05]), torch.tensor([1000.0, 1.0]), 1e-4, "x")
    with pytest.raises(ContractError, match=r"x, got a difference of 0\.05 \(tolerance 0\.0001\)"):
        close(torch.tensor([1.05]), torch.tensor([1.0]), 1e-4, "x")
    close(torch.tensor([0.00005]), torch.tensor([0.0]), 1e-4, "x")


@pytest.mark.parametrize(
    ("name", "draw"),
    [
        ("random", lambda: random.random()),
        ("numpy.random", lambda: np.random.rand()),  # noqa: NPY002
        ("numpy.random", lambda: np.random.seed(1)),  # noqa: NPY002
        ("torch", lambda: torch.rand(1)),
    ],
)
def test_a_draw_from_a_global_generator_is_named_and_undone(name: str, draw: object) -> None:
    before = generators()
    words = rf"who: expected global generators .*, got changes to {name}$"
    with pytest.raises(ContractError, match=words), generators_untouched("who"):
        draw()  # type: ignore[operator]
    assert generators() == before


def test_own_generators_may_be_drawn_from() -> None:
    before = generators()
    with generators_untouched("who"):
        np.random.default_rng(0).random()
        torch.rand(1, generator=torch.Generator().manual_seed(0))
    assert generators() == before


def test_images_are_new_on_every_look_and_keep_away_from_the_border() -> None:
    case = MethodCase(lambda: lambda x: x.flatten(1)[:, :3], CARD)
    case.images.zero_()
    assert case.images.dtype == torch.float32
    assert 0.1 <= float(case.images.min()) < float(case.images.max()) <= 0.9


def test_a_keyed_method_is_given_the_noise_of_the_examples() -> None:
    def keyed(x: Tensor, noise: KeyedNoise) -> Tensor:
        return noise.normal("a", (3,))

    case = MethodCase(lambda: keyed, CARD.model_copy(update={"randomness": "keyed"}))
    together = case.logits(case.images)
    assert torch.equal(case.logits(case.images[:2], examples=[4, 1]), together[[4, 1]])
    assert not torch.equal(case.logits(case.images, key="other"), together)


def test_a_block_seeded_method_repeats_and_leaves_the_generators() -> None:
    case = MethodCase(lambda: lambda x: torch.rand(len(x), 3), CARD.model_copy(update={"randomness": "block-seeded"}))
    before = generators()
    assert torch.equal(case.logits(case.images), case.logits(case.images))
    assert generators() == before


def test_the_toy_target_counts_and_gives_each_row_the_same_logits_in_any_batch() -> None:
    case = AttackCase(None, AttackCard(name="toy"))
    target = case.target()
    together = target(case.images)
    assert torch.equal(torch.cat([target(case.images[i : i + 1]) for i in range(6)]), together)
    assert target.meter.counts().forwards == 12
    assert torch.equal(case.labels, together.argmax(1))


def test_budgets_are_those_of_the_card() -> None:
    assert [b.norm for b in AttackCase(None, AttackCard(name="toy", norms=("l2",))).budgets] == ["l2"]


def test_examples_are_spread_over_the_data_set() -> None:
    card = DatasetCard(name="toy", shape=(1, 4, 4), classes=10)
    few, many = (DatasetCase(lambda n=n: range(n), card, card.shape, 10).index for n in (5, 10_000))
    assert few.tolist() == [0, 1, 2, 3, 4]
    assert (many[0], many[-1], len(many)) == (0, 9999, 64)


FORKS = """
import os
from trustdm import MethodCard, method
from trustdm.bench.conformance import run_checks

OWN = os.getpid()


@method(MethodCard(name="forks", input_shape=(1, 8, 8), classes=10))
class Forks:
    def classify(self, x):
        if os.getpid() == OWN:
            os.fork()
        return 1.0 * x.flatten(1)[:, :10]


found = run_checks("method", Forks)
os.write(1, f"{len(found)} checks\\n".encode())
"""


def test_a_process_that_a_method_forks_off_runs_no_checks(tmp_path: Path) -> None:
    """Each of them would fork off others, and so would those."""
    (tmp_path / "forks.py").write_text(FORKS, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, tmp_path / "forks.py"], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "14 checks\n"
