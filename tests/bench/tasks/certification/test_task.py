"""The table [certification]: chunks of draws, what may change without new draws, what is said."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers import rewrite

from trustdm.bench.errors import SuiteError, UsageError
from trustdm.bench.plugins import load_suite
from trustdm.bench.tasks.certification.task import TASK, certification, chunks_of


def test_an_image_has_a_chunk_that_selects_and_those_that_estimate(suite: Path) -> None:
    loaded = load_suite(suite)
    assert chunks_of(loaded, "fixed") == 3 and chunks_of(loaded, "declared") == 1 and chunks_of(loaded, "gone") == 1
    assert chunks_of(load_suite(rewrite(suite, "chunk = 100", "chunk = 199")), "fixed") == 3
    assert chunks_of(load_suite(rewrite(suite, "chunk = 199", "chunk = 200")), "fixed") == 2


def test_positions_are_chunks_of_images(suite: Path) -> None:
    loaded = load_suite(suite)
    assert loaded.positions("fixed").ids.tolist() == list(range(180)) and loaded.positions("fixed").per_example == 3
    assert len(loaded.positions("declared").ids) == 60 and loaded.positions("declared").per_example == 1


def test_alpha_may_change_and_draws_may_not(suite: Path) -> None:
    before = load_suite(suite).digest
    text = suite.read_text(encoding="utf-8")
    suite.write_text(text.replace('alpha = "1/10"\nselection', 'alpha = "1/1000"\nselection'), encoding="utf-8")
    assert load_suite(suite).digest == before and certification(load_suite(suite)).alpha == "1/1000"
    for old, new in (("selection = 20", "selection = 30"), ("chunk = 100", "chunk = 50")):
        assert load_suite(rewrite(suite, old, new)).digest != before


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("estimation = 200\n", "", "certification.estimation: expected a value, got nothing"),
        ("selection = 20", "selection = 0", "certification.selection: expected greater than or equal to 1, got 0"),
        ("shape = [1, 8, 8]", "shape = [64]", "data.shape: expected three sizes: channels, height, width, got [64]"),
        ("full = 60", "full = 50", "size.full: expected 60, the length of data.splits.test, got 50"),
        (
            "estimation = 200",
            "estimation = 100000000",
            "evaluations.fixed: expected at most 10000000 positions, got 60",
        ),
        ('[data.splits]\ntest = "1200-1259"\n', "", "data.splits: expected a value, got nothing"),
        (
            'statistic = "abstention"',
            'statistic = "kid"',
            "expected one of certified, certified-radius, abst",
        ),
        ('statistic = "abstention"', 'statistic = "certified"', "metrics.3.radius: expected a value, got nothing"),
        ('statistic = "abstention"', 'statistic = "abstention"\nradius = "1"', "metrics.3.radius: expected only the"),
        ('name = "at_zero"\n', 'name = "at_zero"\nlabel = "x"\nradii = "0"\n', "metrics.1.radii: expected radius here"),
    ],
)
def test_a_mistake_is_one_line(suite: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(SuiteError) as caught:
        load_suite(rewrite(suite, old, new))
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_radii_are_fractions_in_lowest_terms(suite: Path) -> None:
    text = suite.read_text(encoding="utf-8").replace('radius = "1/8"', 'radius = "2/16"')
    suite.write_text(text, encoding="utf-8")
    assert [m.params for m in load_suite(suite).metrics if m.params] == [{"radius": r} for r in ("0", "1/8", "1/8")]


def test_what_is_said_of_a_suite(suite: Path) -> None:
    loaded = load_suite(suite)
    assert TASK.says(loaded)[0] == "certified L2 radius" and "at most 1/10" in TASK.says(loaded)[1]
    assert [m.name for m in TASK.headline(loaded)] == ["radius", "draws"]
    metric = TASK.metric("certified")
    assert metric is not None and metric.describe(loaded.metrics[2]) == "Certified accuracy at radius 1/8"


def test_another_suite_certifies_nothing() -> None:
    with pytest.raises(UsageError, match=r"digits-linf: expected a suite with a table like Certification, got"):
        certification(load_suite("digits-linf"))
