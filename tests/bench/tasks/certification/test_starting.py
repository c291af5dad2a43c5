"""What a new certified suite begins with: every number of it follows from the draws and the levels of noise."""

from __future__ import annotations

from fractions import Fraction

import pytest

from trustdm.bench.tasks.certification.starting import ESTIMATION, NOISE, start
from trustdm.bench.tasks.contract import NewData

DATA = NewData(name="cells", shape=(3, 6, 5), classes=4, train=100, test=40)


def test_each_level_has_an_evaluation_and_a_metric_for_each_radius() -> None:
    tables = start(DATA).tables
    sigmas = {spec["sigma"]: name for name, spec in tables["evaluations"].items()}
    assert set(sigmas) == set(NOISE)
    for sigma, radii in NOISE.items():
        shown = [m for m in tables["metrics"] if m["evaluation"] == sigmas[sigma]]
        assert [m["radius"] for m in shown if m["statistic"] == "certified"] == list(radii)
        assert {m["statistic"] for m in shown} == {"certified", "certified-radius", "abstention"}
        assert all(Fraction(radius) <= 4 * Fraction(sigma) for radius in radii), "beyond what so many draws can certify"


def test_what_ranks_is_shown_and_names_are_there_once() -> None:
    tables = start(DATA).tables
    names = [metric["name"] for metric in tables["metrics"]]
    assert tables["ranking"]["metric"] in names and len(set(names)) == len(names)


def test_a_block_is_of_whole_images() -> None:
    tables = start(DATA).tables
    asked = tables["certification"]
    chunks = 1 + -(-asked["estimation"] // asked["chunk"])  # one to select, the others to estimate
    assert tables["size"]["first_block"] % chunks == tables["size"]["block"] % chunks == 0
    assert asked["estimation"] == ESTIMATION and tables["size"]["full"] == DATA.test


@pytest.mark.parametrize(("test", "demo"), [(1, 1), (2, 2), (40, 2)])
def test_a_demo_is_never_larger_than_the_list(test: int, demo: int) -> None:
    data = NewData(name="cells", shape=(3, 6, 5), classes=4, train=100, test=test)
    assert start(data).tables["size"]["demo"] == demo
