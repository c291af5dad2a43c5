from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
import torch

from trustdm.bench.diffusion.preconditioning import Edm, Vp
from trustdm.bench.errors import UnknownName
from trustdm.bench.training.augmentation import NUMBERS, Augmentation
from trustdm.bench.training.denoisers import DenoiserSpec
from trustdm.bench.training.diffusion_losses import EdmLevels, VpLevels
from trustdm.bench.training.ladder import ladder, rung, unlabelled
from trustdm.bench.training.networks import parameters_in
from trustdm.bench.training.unet import UNet

RUNGS = ladder("t", 0.55, steps=100)


def parts(spec: DenoiserSpec) -> dict[str, object]:
    """What a rung may change: c_noise's range belongs to the preconditioning, the numbers to the augmentation."""
    return {
        "hyper-parameters": spec.recipe,
        "capacity": spec.shape.widths,
        "preconditioning": (spec.loss.kind, spec.shape.noise),
        "loss": spec.loss.levels,
        "augmentation": (spec.loss.augmentation, spec.shape.augment),
        "labels": (spec.loss.no_label, spec.shape.classes),
    }


def test_each_rung_changes_what_it_is_named_for_and_nothing_else() -> None:
    names = list(RUNGS)
    assert names == list("ABCDEF")
    assert RUNGS["A"].change == "baseline"
    for lower, upper in itertools.pairwise(names):
        before, after = parts(RUNGS[lower].spec), parts(RUNGS[upper].spec)
        assert [part for part in before if before[part] != after[part]] == [RUNGS[upper].change]


def test_the_ends_are_ddpm_like_and_edm() -> None:
    first, last = RUNGS["A"].spec, RUNGS["F"].spec
    assert (first.loss.kind, first.loss.levels, first.recipe.cosine) == (Vp(), VpLevels(), False)
    assert (last.loss.kind, last.loss.levels) == (Edm(0.55), EdmLevels(0.55, p_mean=-0.8))
    assert (last.loss.augmentation, last.shape.augment) == (Augmentation(), NUMBERS)


def test_capacity_is_moved_and_not_added() -> None:
    small, large = (parameters_in(UNet(RUNGS[name].spec.shape)) for name in "BC")
    assert small == pytest.approx(large, rel=0.06)


@pytest.mark.parametrize("name", list("ABCDEF"))
def test_every_rung_trains_and_denoises(name: str) -> None:
    x = torch.rand(16, 1, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    labels = torch.arange(16) % 10
    spec = RUNGS[name].spec
    spec = replace(spec, recipe=replace(spec.recipe, steps=3, batch=4))
    losses: list[float] = []
    state = spec.train(x, labels, on_step=lambda step, total, loss: losses.append(loss))
    assert len(losses) == 3 and all(0 < loss < 10 for loss in losses)
    out = spec.restore(state)(x, torch.full((16,), 0.5), labels)
    assert out.shape == x.shape and bool(torch.isfinite(out).all())


def test_without_labels_only_the_labels_differ() -> None:
    before, after = parts(RUNGS["E"].spec), parts(unlabelled(RUNGS["E"].spec))
    assert [part for part in before if before[part] != after[part]] == ["labels"]
    assert after["labels"] == (0.0, 0)


def test_an_unknown_rung_is_one_line_that_names_them() -> None:
    assert rung("D", "t", 0.55).change == "preconditioning"
    with pytest.raises(UnknownName, match=r"unknown rung 'G'; .*A \(baseline\)"):
        rung("G", "t", 0.55)
