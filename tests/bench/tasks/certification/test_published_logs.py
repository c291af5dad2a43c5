"""Published logs of certificates, from the file to the row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from smoothed import board, measure


def test_a_published_log_becomes_a_reported_row(suite: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from trustdm.bench.tasks.certification import import_log as log_command

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


def a_log(path: Path, indices: list[int], radius: float = 0.2, label: int = 3) -> Path:
    rows = [f"{i}\t{label}\t{label}\t{radius}\t1\t0:00:01.5" for i in indices]
    path.write_text("\n".join(["idx\tlabel\tpredict\tradius\tcorrect\ttime", *rows]) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("indices", "changes", "message"),
    [
        (range(40), {}, "expected 60 rows"),
        (range(20, 60), {"partial": False}, "idx"),
        (range(0, 120, 2), {"partial": True}, "expected less than 60, the images there are"),
        (range(60), {"radius": 3.0}, "expected radii up to 0[.]616"),
        (range(60), {"label": 12}, "expected labels from 0 to 9, got 12"),
        (range(60), {"alpha": "abc"}, "--alpha: expected a fraction between 0 and 1"),
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
    from trustdm.bench.errors import TrustdmError
    from trustdm.bench.tasks.certification import import_log as log_command

    made = {key: changes.pop(key) for key in ("radius", "label") if key in changes}
    path = a_log(suite.parent / "log.tsv", list(indices), **made)
    facts = {
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
    from trustdm.bench.tasks.certification import import_log as log_command

    path = a_log(suite.parent / "log.tsv", list(range(40)))
    request = log_command.Request(path, str(suite), "fixed", "Net", "Some 2020", "1/1000", 1000, "cohen", partial=True)
    assert log_command.run(request, str(suite.parent / "a.db")) == 0
    (row,) = board(suite, "a.db")
    assert "cut-off" in row.flags and (row.n, row.planned, row.completeness) == (40, 60, "preview")
