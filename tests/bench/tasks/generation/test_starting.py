"""What a new suite of generators begins with: an extractor for the images, and the command that makes its reference."""

from __future__ import annotations

import pytest

from trustdm.bench import plugins
from trustdm.bench.tasks.contract import NewData
from trustdm.bench.tasks.generation.starting import FALLBACK, STEPS, start

REGISTRY = plugins.load(installed=False).registry


def data(*shape: int) -> NewData:
    return NewData(name="cells", shape=shape, classes=4, train=1234, test=40)


@pytest.mark.parametrize(
    ("shape", "extractor"),
    [((1, 8, 8), "digits-features"), ((1, 16, 16), "mnist16-features"), ((3, 32, 32), FALLBACK), ((3, 8, 8), FALLBACK)],
)
def test_the_extractor_is_one_for_this_shape_or_the_one_for_any(shape: tuple[int, ...], extractor: str) -> None:
    made = start(data(*shape), REGISTRY)
    table = made.tables["generation"]
    assert table["extractor"] == extractor and extractor in made.says[0]
    card = REGISTRY.get("extractor", extractor).card
    pinned = [file.sha256 for file in card.weights[:1]]  # type: ignore[attr-defined]
    assert [table[key] for key in ("extractor_sha256",) if key in table] == pinned


def test_each_number_of_steps_has_every_statistic_and_the_most_rank() -> None:
    tables = start(data(1, 8, 8), REGISTRY).tables
    assert {spec["steps"] for spec in tables["evaluations"].values()} == set(STEPS)
    for steps in STEPS:
        shown = {m["statistic"]: m["direction"] for m in tables["metrics"] if m["evaluation"] == f"steps-{steps}"}
        assert shown == {
            "frechet": "lower",
            "evaluations": "lower",
            "kid": "lower",
            "precision": "higher",
            "recall": "higher",
        }
    assert tables["ranking"]["metric"] == f"frechet_{max(STEPS)}"


def test_a_distance_is_of_the_whole_set_in_one_block_and_the_reference_comes_first() -> None:
    made = start(data(1, 8, 8), REGISTRY)
    size = made.tables["size"]
    assert size["full"] == size["block"] == made.tables["generation"]["set"]
    assert made.tables["generation"]["reference"] == "cells.reference.npz" and "1,234" in made.says[1]
    (command,) = made.before
    said = command.format(suite="cells.toml", folder="", name="cells")
    assert said == "trustdm reference cells.toml --out cells.reference.npz"
