"""The key of an asset: what moves it, and what does not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from trustdm.bench import plugins
from trustdm.bench.assets.spec import About, AssetSpec, planned
from trustdm.bench.contracts import MethodCard
from trustdm.bench.errors import UnknownName, UsageError
from trustdm.bench.plugins import load_suite
from trustdm.bench.steps.samples import samples


@pytest.fixture(scope="module")
def registry():
    return plugins.load(installed=False).registry


@pytest.fixture(scope="module")
def about() -> About:
    card = MethodCard(name="m", capabilities=("sample",), input_shape=(1, 16, 16), classes=10)
    return About(load_suite("mnist16-generation"), card, (("a", 1),), ("0" * 64,), "code", 0)


def test_the_same_asset_has_the_same_key_in_another_suite_with_the_same_data(registry, about) -> None:
    other = replace(about, suite=load_suite("mnist16-linf"))
    assert planned(samples(8, 3), about, registry).key == planned(samples(8, 3), other, registry).key


@pytest.mark.parametrize(
    "change",
    [
        {"params": (("a", 2),)},
        {"weights": ("1" * 64,)},
        {"seed": 1},
        {"card": MethodCard(name="m", version="2", capabilities=("sample",), input_shape=(1, 16, 16), classes=10)},
    ],
)
def test_another_method_or_seed_is_another_asset(registry, about, change) -> None:
    one = planned(samples(8, 3), about, registry)
    assert planned(samples(8, 3), replace(about, **change), registry).key != one.key


def test_parameters_and_parents_move_the_key_and_code_does_not(registry, about) -> None:
    one = planned(samples(8, 3), about, registry)
    assert planned(samples(9, 3), about, registry).key != one.key
    child = AssetSpec("samples", {"count": 1}, {"first": samples(8, 3)})
    assert planned(child, about, registry).key != planned(AssetSpec("samples", {"count": 1}), about, registry).key
    edited = planned(samples(8, 3), replace(about, code="other"), registry)
    assert (edited.key, edited.code == one.code) == (one.key, False)


def test_a_method_that_cannot_and_a_step_that_is_not_there(registry, about) -> None:
    card = MethodCard(name="c", capabilities=("classify",), input_shape=(1, 16, 16), classes=10)
    with pytest.raises(UsageError, match="step samples: expected a method that can sample, got c, which can classify"):
        planned(samples(8, 3), replace(about, card=card), registry)
    with pytest.raises(UnknownName, match="unknown step 'sample'; did you mean 'samples'"):
        planned(AssetSpec("sample"), about, registry)


def test_what_is_asked_for_is_checked_at_once() -> None:
    with pytest.raises(UsageError, match="expected a count and steps of at least 1, got 0 and 3"):
        samples(0, 3)
    with pytest.raises(UsageError, match="got 'all' and 'round'"):
        samples(1, 3, labels="all")
