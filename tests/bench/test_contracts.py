"""Cards: what they refuse, what they leave open, and the marks they leave on plugins."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from trustdm.bench import contracts
from trustdm.bench.contracts import (
    AttackCard,
    DatasetCard,
    ExtractorCard,
    MethodCard,
    ProtocolCard,
    StepCard,
    WeightFile,
)
from trustdm.bench.registry import MARK

GOOD: dict[str, Any] = {"name": "net", "input_shape": (3, 8, 8), "classes": 10}


def test_a_card_is_frozen_and_has_defaults() -> None:
    card = MethodCard(**GOOD)
    assert (card.version, card.capabilities, card.randomness, card.gradient) == ("1", ("classify",), "none", "exact")
    with pytest.raises(ValidationError, match="frozen"):
        card.name = "other"


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"name": "a/b"}, "name"),
        ({"name": ""}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"version": "1 2"}, "version"),
        ({"summary": "x" * 501}, "summary"),
        ({"classes": -1}, "classes"),
        ({"input_shape": ()}, "input_shape"),
        ({"input_shape": (3, 0, 8)}, "input_shape"),
        ({"capabilities": ()}, "capabilities"),
        ({"capabilities": ("Classify!",)}, "capabilities"),
        ({"randomness": "some"}, "randomness"),
        ({"gradient": "good"}, "gradient"),
        ({"author": "me"}, "author"),
        ({"weights": ({"file": "a", "sha256": "abc"},)}, "sha256"),
        ({"weights": ({"file": "", "sha256": "a" * 64},)}, "file"),
    ],
)
def test_a_wrong_card_is_refused(changes: dict[str, Any], where: str) -> None:
    with pytest.raises(ValidationError, match=where):
        MethodCard(**{**GOOD, **changes})


def test_any_number_of_sizes_and_classes_may_be_named() -> None:
    """What a capability needs of them it says itself (``Capability.card_fault``)."""
    assert MethodCard(name="text", input_shape=(77,), classes=0).input_shape == (77,)


def test_capabilities_are_names_that_need_not_be_known_here() -> None:
    assert MethodCard(**GOOD, capabilities=("detect_marks",)).capabilities == ("detect_marks",)


def test_other_cards_refuse_what_makes_no_sense() -> None:
    for make in (
        lambda: DatasetCard(name="d", shape=(1, 2, 2), classes=0),
        lambda: AttackCard(name="a", norms=("l1",)),
        lambda: ExtractorCard(name="e", dimension=0),
        lambda: ExtractorCard(name="e", dimension=2, precision="float64"),
        lambda: ProtocolCard(name="p", value="x" * 301),
        lambda: WeightFile(file="a", sha256="A" * 64),
    ):
        with pytest.raises(ValidationError):
            make()


@pytest.mark.parametrize(
    ("kind", "card"),
    [
        ("method", MethodCard(**GOOD)),
        ("dataset", DatasetCard(name="d", shape=(1, 2, 2), classes=2)),
        ("attack", AttackCard(name="a")),
        ("extractor", ExtractorCard(name="e", dimension=3)),
        ("protocol", ProtocolCard(name="p", task="t", value="a count")),
        ("step", StepCard(name="s")),
    ],
)
def test_each_mark_leaves_an_entry_of_its_kind(kind: str, card: Any) -> None:
    def load() -> None: ...

    (entry,) = getattr(getattr(contracts, kind)(card)(load), MARK)
    assert (entry.kind, entry.card, entry.name) == (kind, card, card.name)
    assert entry.target.endswith("test_each_mark_leaves_an_entry_of_its_kind.<locals>.load")
