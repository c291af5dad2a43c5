"""A board in the terminal: titles, units, marks, ranks, and what is left of it at 60, 80, 120 and 200 columns."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console
from toyboard import BIG, SUITE, both, lucky

from trustdm.bench.cli import boards, tables
from trustdm.bench.plan import MethodSpec
from trustdm.bench.plugins import load_suite
from trustdm.bench.summary.rows import rows
from trustdm.bench.types import Estimate, Origin

GENERATORS = (
    "mnist16-edm:sampler=heun",
    "mnist16-edm:guidance=1.2,sampler=heun",
    "mnist16-ncsn:sampler=predictor-corrector",
    "mnist16-edm-guided:sampler=stochastic-heun",
)
SMOOTHED = (
    "denoised-smoothing:classifier=mnist16-standard,denoiser=mnist16-edm-uncond",
    "denoised-smoothing:classifier=mnist16-standard,denoiser=none",
    "mnist16-noise-trained",
)
CLASSIFIERS = ("cifar10-resnet18", "digits-pgd-at", "mnist16-standard")
SHIPPED = {
    "mnist16-generation": GENERATORS,
    "digits-generation": GENERATORS,
    "cifar10-generation": GENERATORS,
    "mnist16-certified": SMOOTHED,
    "cifar10-certified": SMOOTHED,
    "imagenet-certified": SMOOTHED,
    "mnist16-linf": CLASSIFIERS,
    "cifar10-linf": CLASSIFIERS,
}


def printed(drawn: object, width: int = 220) -> str:
    out = io.StringIO()
    Console(file=out, width=width, highlight=False).print(drawn, crop=False, overflow="ignore")
    return out.getvalue()


def row(**changes):
    (found,) = rows(SUITE, both(1, "CCCW", "CCW-", "CW--", method_params=(("sigma", 0.5),)))
    return replace(found, **changes)


def filled(suite, methods):
    """Rows with every metric of a suite; all but the last are full."""
    found = []
    for place, method in enumerate(methods):
        spec = MethodSpec.parse(method)
        metrics = {m.name: Estimate(0.1 * place + 0.1234, 0.1 * place + 0.1, 0.5, 2000) for m in suite.metrics}
        found.append(row(method=spec.name, shown=spec.params, metrics=metrics, n=2000, planned=2000, flags=()))
    return [*found[:-1], replace(found[-1], n=64, rank_group="preview n=64", flags=("square-helps", "randomized"))]


@pytest.mark.parametrize("width", [60, 80, 120, 200])
@pytest.mark.parametrize("name", SHIPPED)
def test_names_and_numbers_are_whole_at_any_width(name: str, width: int) -> None:
    suite = load_suite(name)
    shown = filled(suite, SHIPPED[name])
    text = printed(tables.narrow(boards.board(suite, shown), width), width)
    assert max(map(len, text.splitlines())) <= width
    assert len(text.splitlines()) < 12 + 6 * len(shown)
    for method in SHIPPED[name]:
        for piece in re.split(r"(?<=[:,])", method):
            assert re.search(rf"(^|[ :,]){re.escape(piece)}", text, re.MULTILINE), piece
    for each in shown:
        for part in boards.estimate(suite, each, suite.ranking_metric).split(" ", 1):
            assert part in text
    assert "64" in text and all(word in text for word in ("preview", "n=64", "square-helps", "randomized"))
    beside = [m for m in suite.metrics if m not in suite.task.headline(suite)]
    assert not beside or f"trustdm show {name} --wide" in " ".join(text.split())


@pytest.mark.parametrize("name", SHIPPED)
def test_wide_shows_every_metric_a_line_for_each_row(name: str) -> None:
    suite = load_suite(name)
    lines = printed(tables.whole(boards.board(suite, filled(suite, SHIPPED[name])), extra=True), 80).splitlines()
    assert all(boards.label(metric) in lines[2] for metric in suite.metrics)
    assert len(lines) == 5 + len(SHIPPED[name])
    assert all(any(f" {method} " in line for line in lines) for method in SHIPPED[name])


def test_a_board_has_the_headline_of_its_task() -> None:
    text = printed(tables.whole(boards.board(SUITE, [row()]), extra=False))
    assert text.startswith("toy v2, ranked by robust (higher is better); 95% intervals; shares in %\n")
    heading = next(line for line in text.splitlines() if "rank " in line)
    headings = [h.strip() for h in heading.strip("┃ \n").split("┃")]
    assert headings == ["rank", "method", "clean", "robust", "n", "marks", "flags"]
    assert "net:sigma=0.5" in text and "75.0 [" in text and "25.0 [" in text and "square-helps" in text


def test_a_metric_is_called_as_its_suite_says() -> None:
    assert [boards.label(m) for m in load_suite("mnist16-linf").metrics][:3] == ["clean", "PGD-40", "AutoAttack"]
    assert boards.label(SUITE.metrics[1]) == "robust"


def test_a_metric_that_no_row_has_is_no_column() -> None:
    board = boards.board(SUITE, [row(metrics={"clean_accuracy": Estimate(0.5, 0.4, 0.6, 4)})])
    assert [c.heading for c in board.columns] == ["rank", "method", "clean", "n", "marks", "flags"]
    assert "ranked by" not in board.title


def test_versions_are_told_where_they_are_not_the_first_or_several() -> None:
    first, second = row(method="lin"), row(method="lin", method_version="2", shown=())
    assert boards.title(first) == "lin:sigma=0.5" and boards.title(second) == "lin v2"
    assert boards.titles([first, row()]) == ["lin:sigma=0.5", "net:sigma=0.5"]
    assert boards.titles([first, second]) == ["lin:sigma=0.5 v1", "lin v2"]
    text = printed(tables.whole(boards.board(SUITE, [first, second]), extra=False))
    assert "lin:sigma=0.5 v1 " in text and "lin v2 " in text


def test_seeds_are_told_where_rows_have_one_title() -> None:
    assert boards.titles([row(), row(seed=7), row(method="b")]) == [
        "net:sigma=0.5 seed 0",
        "net:sigma=0.5 seed 7",
        "b:sigma=0.5",
    ]


@pytest.mark.parametrize(("low", "high", "text"), [(None, None, ""), (2, 2, "2"), (1, 3, "1-3")])
def test_ranks_are_intervals(low: int | None, high: int | None, text: str) -> None:
    assert boards.rank(row(rank_low=low, rank_high=high)) == text


def test_marks_are_the_group_and_what_is_not_usual() -> None:
    assert boards.marks(row()) == "full"
    assert boards.marks(row(origin=Origin.CLAIMED, currency="stale", rank_group="")) == "full claimed stale"
    assert boards.marks(row(caveat="a gate failed")) == "full not ranked"
    assert "imported: the lab" in boards.marks(row(own=False, lab_name="the lab"))


def test_why_numbers_are_missing_and_rows_not_ranked() -> None:
    told = boards.notes([row(errors=("kid: too few",)), row(caveat="a gate failed")])
    assert told == ["net:sigma=0.5: kid: too few", "net:sigma=0.5: not ranked: a gate failed"]


@pytest.mark.parametrize(
    ("name", "statistic", "estimate", "text"),
    [
        ("mnist16-generation", "frechet", Estimate(12.3456, 11.0, 13.9, 10), "12.3 [11, 13.9]"),
        ("mnist16-generation", "evaluations", Estimate(35.0, 35.0, 35.0, 10), "35"),
        ("mnist16-generation", "evaluations", Estimate(12345.6, 1.0, 2.0, 10), "12,346"),
        ("mnist16-certified", "certified-radius", Estimate(0.5678, 0.5, 0.6, 10), "0.568 [0.5, 0.6]"),
        ("digits-linf", "accuracy", Estimate(0.5, 0.25, 0.75, 10), "50.0 [25.0, 75.0]"),
    ],
)
def test_a_number_is_written_as_its_unit_asks(name: str, statistic: str, estimate: Estimate, text: str) -> None:
    suite = load_suite(name)
    spec = next(m for m in suite.metrics if m.statistic == statistic)
    assert boards.estimate(suite, row(metrics={spec.name: estimate}), spec) == text
    assert boards.estimate(suite, row(metrics={}), spec) == ""


@pytest.mark.parametrize("width", [20, 80])
def test_what_strangers_wrote_is_plain_text(width: int) -> None:
    board = boards.board(SUITE, [row(method="[/red]\x1b[31mloud", method_version="\x1b[1m")])
    for drawn in (tables.narrow(board, width), tables.whole(board, extra=True)):
        text = printed(drawn)
        assert "[/red] [31mloud" in text and "\x1b" not in text


def test_rows_that_tie_say_so() -> None:
    cells = lucky(1, np.arange(60) < 30, BIG, method="a") + lucky(3, np.arange(60) < 30, BIG, method="b")
    found = rows(BIG, cells)
    assert printed(tables.whole(boards.board(BIG, found), extra=False)).count("1-2") == 2
    assert any(line.startswith("ranks (full): ") for line in boards.tests(BIG, found))
