"""Studies: two boards joined by what rows are about."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from toyboard import SUITE, both

from trustdm.bench import studies
from trustdm.bench.errors import SuiteError, UnknownName
from trustdm.bench.plugins import load_suite
from trustdm.bench.summary.row import Row
from trustdm.bench.summary.rows import rows
from trustdm.bench.types import Estimate, Origin

TEXT = """
name = "toy"
title = "A toy"
question = "Does it?"

[x]
suite = "one"
metric = "fid"
params = { sampler = "heun" }

[y]
suite = "two"
metric = "acr"
by = "denoiser"
"""


def study(folder: Path, old: str = "", new: str = "") -> studies.Study:
    assert old in TEXT
    path = folder / "toy.toml"
    path.write_text(TEXT.replace(old, new) if old else TEXT, encoding="utf-8")
    return studies.load_study(path)


def row(method: str, metric: str, value: float, **changes: object) -> Row:
    (found,) = rows(SUITE, both(1, "CCCC", "CCCC", "CCCC", method=method))
    return replace(found, metrics={metric: Estimate(value, value, value, 4)}, **changes)


HEUN, EULER = (("sampler", "heun"),), (("sampler", "euler"),)


def of(name: str) -> tuple[tuple[str, object], ...]:
    return (("classifier", "net"), ("denoiser", name))


@pytest.mark.parametrize("name", studies.names())
def test_the_shipped_studies_ask_for_what_is_there(name: str) -> None:
    shipped = studies.load_study(name)
    assert shipped.name == name
    studies.check(shipped, {axis.suite: load_suite(axis.suite) for axis in (shipped.x, shipped.y)})


def test_there_is_one() -> None:
    assert studies.names()
    with pytest.raises(UnknownName, match=f"unknown study 'denoiser'; .*{studies.names()[0]}"):
        studies.load_study("denoiser")


def test_rows_about_the_same_thing_are_joined(tmp_path: Path) -> None:
    x = [
        row("edm", "fid", 2.0, params=HEUN),
        row("ddpm", "fid", 3.0, params=HEUN),
        row("edm", "fid", 9.0, params=EULER),
    ]
    y = [row("pair", "acr", 0.5, params=of("edm")), row("pair", "acr", 0.4, params=of("none")), row("edm", "acr", 0.1)]
    (point,) = studies.points(study(tmp_path), x, y)
    assert (point.key, point.x.metrics["fid"].value, point.y.metrics["acr"].value) == ("edm", 2.0, 0.5)


def test_only_measured_current_rows_with_the_metric_count(tmp_path: Path) -> None:
    y = [row("pair", "acr", 0.5, params=of("edm"))]
    for odd in (
        row("edm", "fid", 2.0, params=HEUN, currency="stale"),
        row("edm", "fid", 2.0, params=HEUN, origin=Origin.REPORTED),
        row("edm", "kid", 2.0, params=HEUN),
        row("edm", "fid", 2.0),
    ):
        assert studies.points(study(tmp_path), [odd], y) == []


def test_a_full_row_counts_before_its_preview(tmp_path: Path) -> None:
    full, preview = (row("edm", "fid", v, params=HEUN, completeness=c) for v, c in ((2.0, "full"), (5.0, "preview")))
    y = [row("pair", "acr", 0.5, params=of("edm"))]
    for x in ([full, preview], [preview, full]):
        (point,) = studies.points(study(tmp_path), x, y)
        assert point.x.metrics["fid"].value == 2.0


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    known = {"one": SUITE, "two": SUITE}
    with pytest.raises(SuiteError, match=r"study toy: x\.metric: expected one of clean_accuracy, .*, got fid"):
        studies.check(study(tmp_path), known)
    with pytest.raises(SuiteError, match=r"study toy: x\.suite: expected one of two, got one"):
        studies.check(study(tmp_path), {"two": SUITE})


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('question = "Does it?"\n', "", "question: expected a value, got nothing"),
        ('metric = "acr"', 'metrik = "acr"', "y.metric: expected a value, got nothing"),
        ("[x]", "[x", "the file: expected a study in TOML that can be read"),
    ],
)
def test_a_mistake_is_one_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(SuiteError) as caught:
        study(tmp_path, old, new)
    assert message in str(caught.value) and "toy.toml" in str(caught.value) and "\n" not in str(caught.value)
    with pytest.raises(SuiteError, match="the file: expected"):
        studies.load_study(tmp_path / "none.toml")
