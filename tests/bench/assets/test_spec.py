"""The key of an asset: what moves it, and what does not."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from trustdm.bench import plugins
from trustdm.bench.assets.spec import About, AssetSpec, planned
from trustdm.bench.contracts import MethodCard, StepCard, step
from trustdm.bench.errors import UnknownName, UsageError
from trustdm.bench.plugins import load_suite
from trustdm.bench.registry import MARK
from trustdm.bench.steps.samples import samples


@step(StepCard(name="reader", data=True))
def reader(job: object) -> None:
    """Reads the data, and is about no method."""


@pytest.fixture(scope="module")
def registry():
    registry = plugins.load(installed=False).registry
    registry.add(getattr(reader, MARK)[0])
    return registry


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


def test_an_edit_of_what_it_is_made_from_is_an_edit_of_it(registry, about) -> None:
    child = AssetSpec("reader", {}, {"middle": AssetSpec("reader", {"n": 1}, {"first": samples(8, 3)})})
    one, edited = (planned(child, replace(about, code=code), registry) for code in ("code", "other"))
    assert (edited.key, edited.code == one.code) == (one.key, False)
    alone = [planned(AssetSpec("reader"), replace(about, code=code), registry).code for code in ("code", "other")]
    assert alone[0] == alone[1]


def test_data_without_a_digest_are_told_apart_by_the_one_that_is_found(registry, about, monkeypatch) -> None:
    suite = about.suite.model_copy(update={"data": about.suite.data.model_copy(update={"digest": None})})

    def key(found: str) -> str:
        monkeypatch.setattr("trustdm.bench.suite.data.open_data", lambda *_: SimpleNamespace(digest=lambda: found))
        return planned(AssetSpec("reader"), replace(about, suite=suite), registry).key

    assert key("a" * 64) == key("a" * 64) != key("b" * 64)
    told = planned(AssetSpec("reader"), about, registry).key
    assert about.suite.data.digest is None or key(about.suite.data.digest) == told


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
