"""Published logs of certificates, from the file to the row."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from smoothed import board, measure

from trustdm.bench import plugins
from trustdm.bench.errors import TrustdmError
from trustdm.bench.smoothing.fixed import largest_radius
from trustdm.bench.store.examiner import Examiner
from trustdm.bench.store.store import Store
from trustdm.bench.tasks.certification import import_log as log_command


def test_a_published_log_becomes_a_reported_row(suite: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ["idx\tlabel\tpredict\tradius\tcorrect\ttime"]
    for i in range(60):
        predict, radius = (-1, 0.0) if i % 6 == 0 else (3, 0.1 + i / 100)
        lines.append(
            f"{i}\t{3 if i % 5 else 4}\t{predict}\t{radius:.3f}\t{int(predict == (3 if i % 5 else 4))}\t0:00:01.5"
        )
    path = suite.parent / "log.tsv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    request = log_command.Request(path, str(suite), "fixed", "Some Net, 2020", "Some 2020, Table 1", "1/1000", 10000)
    assert log_command.run(request, str(suite.parent / "a.db")) == 0
    measure(suite, "a.db")
    found = {row.origin.value: row for row in board(suite, "a.db")}
    reported = found["reported"]
    assert reported.method == "Some-Net-2020" and reported.rank_low is None and found["measured"].rank_low == 1
    assert (reported.n, reported.planned, reported.completeness) == (60, 60, "full")
    right = [i for i in range(60) if i % 5 and i % 6]
    assert reported.metrics["at_zero"].value == pytest.approx(len(right) / 60)
    assert reported.metrics["radius"].value == pytest.approx(sum(0.1 + i / 100 for i in right) / 60, abs=1e-6)
    assert reported.metrics["abstained"].value == pytest.approx(10 / 60)
    with Store.open(suite.parent / "a.db", read_only=True) as store:  # a log has no blocks, passes or draws of ours
        checked = store.examined(Examiner(plugins.load(installed=False), strangers=True))
    assert (checked.problems, checked.doubts, checked.unchecked) == ([], [], [])


def a_log(path: Path, indices: list[int], radius: object = 0.2, label: int = 3) -> Path:
    rows = [f"{i}\t{label}\t{label}\t{radius}\t1\t0:00:01.5" for i in indices]
    path.write_text("\n".join(["idx\tlabel\tpredict\tradius\tcorrect\ttime", *rows]) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("indices", "changes", "message"),
    [
        (range(40), {}, "expected 60 rows"),
        (range(20, 60), {"partial": False}, "idx"),
        (range(0, 120, 2), {"partial": True}, "expected less than 60, the images there are"),
        (range(60), {"radius": 3.0}, "expected radii that some alpha below 1/2 can certify, got radius 3"),
        (range(60), {"label": 12}, "expected labels from 0 to 9, got 12"),
        (range(60), {"alpha": "abc"}, "--alpha: expected a fraction between 0 and 1/2"),
        (range(60), {"alpha": "1/2"}, "--alpha: expected a fraction between 0 and 1/2"),
        (range(60), {"alpha": "2"}, "--alpha"),
        (range(60), {"draws": -5}, "--draws"),
        (range(60), {"source": " "}, "--source"),
        (range(60), {"name": "***"}, "--name: expected letters or digits"),
        (range(60), {"evaluation": "sigma"}, "expected an evaluation of a certified suite"),
    ],
)
def test_a_log_that_does_not_fit_is_one_line(
    suite: Path, indices: range, changes: dict[str, Any], message: str
) -> None:
    made = {key: changes.pop(key) for key in ("radius", "label") if key in changes}
    path = a_log(suite.parent / "log.tsv", list(indices), **made)
    facts: dict[str, Any] = {
        "evaluation": "fixed",
        "name": "Net",
        "source": "Some 2020",
        "alpha": "1/1000",
        "draws": 1000,
        "kind": "cohen",
    }
    request = log_command.Request(path, str(suite), **(facts | changes))
    with pytest.raises(TrustdmError, match=message) as caught:
        log_command.run(request, str(suite.parent / "a.db"))
    assert "\n" not in str(caught.value)


def test_a_part_of_a_log_is_flagged(suite: Path) -> None:
    path = a_log(suite.parent / "log.tsv", list(range(40)))
    request = log_command.Request(path, str(suite), "fixed", "Net", "Some 2020", "1/1000", 1000, "cohen", partial=True)
    assert log_command.run(request, str(suite.parent / "a.db")) == 0
    (row,) = board(suite, "a.db")
    assert "cut-off" in row.flags and (row.n, row.planned, row.completeness) == (40, 60, "preview")


def half(suite: Path, sigma: str = "1/2") -> Path:
    """The same suite with noise 0.5, or with other noise."""
    path = suite.with_name("half.toml")
    path.write_text(suite.read_text(encoding="utf-8").replace('sigma = "1/4"', f'sigma = "{sigma}"'), encoding="utf-8")
    return path


def imported(suite: Path, alpha: str, radius: str) -> tuple[Any, dict[str, float], list[str]]:
    """The row of a log whose radii are all ``radius``, of 100,000 draws; its diagnostics, and what was said."""
    path, said, db = a_log(suite.parent / "log.tsv", list(range(60)), radius), list[str](), str(suite.parent / "a.db")
    request = log_command.Request(path, str(suite), "fixed", "Net", "Some 2020", alpha, 100_000, "cohen")
    assert log_command.run(request, db, said.append) == 0
    (row,) = board(suite, "a.db")
    with Store.open(db) as store:
        (cell,) = store.results(row.suite)
    return row, cell.diagnostics, said


@pytest.mark.parametrize(("alpha", "text"), [(0.001, "1/1000"), (0.01, "1/100")])
def test_a_largest_radius_that_was_rounded_up_to_be_printed_is_no_contradiction(
    suite: Path, alpha: float, text: str
) -> None:
    printed = f"{largest_radius(100_000, 0.5, alpha):.3}"
    assert printed == {0.001: "1.91", 0.01: "1.96"}[alpha]
    assert float(printed) > largest_radius(100_000, 0.5, alpha) + 1e-3
    row, diagnostics, said = imported(half(suite), text, printed)
    assert "alpha-contradicted" not in row.flags and "needs" not in str(row.card["summary"])
    assert diagnostics["alpha_contradicted"] == 0 and diagnostics["implied_alpha"] <= alpha
    assert said[-1].startswith(f"radius {printed} from 100,000 draws at sigma 0.5 needs an alpha of at least 0.00")


def test_radii_that_contradict_the_alpha_that_is_named_are_flagged_with_the_one_they_imply(suite: Path) -> None:
    """Printed 1.96 was at least 1.955, which 100,000 draws that all agree certify at Phi(1.955 / .5)^100000."""
    row, diagnostics, said = imported(half(suite), "1/1000", "1.96")
    assert "alpha-contradicted" in row.flags
    assert diagnostics["alpha_contradicted"] == 1
    assert diagnostics["implied_alpha"] == pytest.approx(0.0099, abs=0.00005)
    words = "radius 1.96 from 100,000 draws at sigma 0.5 needs an alpha of at least 0.0099, not 1/1000 as named"
    assert said[-1] == f"{words}; the row is flagged"
    assert str(row.card["summary"]).endswith(f"A {words}.")


@pytest.mark.parametrize(
    ("sigma", "hundredth", "thousandth"),
    [("3/25", "0.469", "0.457"), ("1/4", "0.978", "0.953"), ("1/2", "1.96", "1.91"), ("1", "3.91", "3.81")],
)
def test_the_largest_radii_at_each_published_sigma_tell_one_alpha_from_the_other(
    suite: Path, sigma: str, hundredth: str, thousandth: str
) -> None:
    """The largest radii of 100,000 draws in three significant digits: those at 1/100 contradict 1/1000."""
    value = float(Fraction(sigma))
    assert [f"{largest_radius(100_000, value, alpha):.3}" for alpha in (0.01, 0.001)] == [hundredth, thousandth]
    found = {}
    for alpha, radius in (("1/1000", hundredth), ("1/100", hundredth), ("1/1000", thousandth)):
        row, diagnostics, _ = imported(half(suite, sigma), alpha, radius)
        found[alpha, radius] = "alpha-contradicted" in row.flags, diagnostics["implied_alpha"]
        (suite.parent / "a.db").unlink()
    contradicted, implied = found["1/1000", hundredth]
    assert contradicted and 0.0088 < implied <= 0.01
    assert not found["1/100", hundredth][0] and not found["1/1000", thousandth][0]


def test_without_an_alpha_there_is_nothing_to_contradict_and_the_radii_still_say_one(suite: Path) -> None:
    row, diagnostics, said = imported(half(suite), "", "1.96")
    assert "alpha-contradicted" not in row.flags and diagnostics["alpha_contradicted"] == 0
    assert said[-1].endswith("needs an alpha of at least 0.0099")


def test_only_radii_that_no_alpha_below_one_half_gives_are_refused(suite: Path) -> None:
    largest = largest_radius(100_000, 0.5, 0.4999)
    assert "alpha-contradicted" in imported(half(suite), "1/1000", f"{largest:.3f}")[0].flags
    with pytest.raises(TrustdmError, match="another evaluation, in other units") as caught:
        imported(half(suite), "1/1000", f"{largest + 0.01:.3f}")
    assert "\n" not in str(caught.value)
