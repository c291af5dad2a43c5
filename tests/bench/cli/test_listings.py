"""Lists of suites and plugins, published numbers and estimates at 60, 80, 120 and 200 columns."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from trustdm.bench import plugins, reported
from trustdm.bench.cli import listings, tables
from trustdm.bench.plan import choose, plan_cells
from trustdm.bench.runner.units import CellEstimate
from trustdm.bench.suite.load import shipped

WIDTHS = [60, 80, 120, 200]
CATALOGUE = plugins.load()


def lines_of(grid: object, width: int) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=width, highlight=False).print(tables.narrow(grid, width), crop=False, overflow="ignore")
    lines = out.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    return lines


@pytest.mark.parametrize("width", [40, *WIDTHS])
def test_suites_can_be_copied(width: int) -> None:
    suites = [CATALOGUE.suite(name) for name in shipped()]
    lines = lines_of(listings.suites(suites), width)
    for name in shipped():
        assert any(name in line.split() for line in lines)
    text = " ".join("\n".join(lines).split())
    assert "untested" in text and "150000" in text


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("kind", ["method", "weight_attack", "extractor", "capability", "step"])
def test_plugins_can_be_copied(kind: str, width: int) -> None:
    lines = lines_of(listings.plugins(kind, CATALOGUE.registry.entries(kind)), width)
    for name in CATALOGUE.registry.names(kind):
        assert any(name in line.split() for line in lines)
    assert lines[0] in ("methods", "weight_attacks", "extractors", "capabilities", "steps")
    assert any("what it is" in line for line in lines)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", reported.suites())
def test_published_numbers_keep_their_value_and_source(name: str, width: int) -> None:
    rows = reported.reported(name)
    lines = lines_of(listings.reported(name, rows), width)
    text = "\n".join(lines)
    for row in rows:
        assert f" {row.printed} " in text and all(word in text for word in row.told.split())
    assert "[1]" in text and any(line.startswith(f"[1] {rows[0].source.citation[:20]}") for line in lines)


def test_sources_are_numbered_in_the_order_of_the_rows() -> None:
    rows = reported.reported("cifar10-generation")
    grid = listings.reported("cifar10-generation", rows)
    (places,) = (column.cells for column in grid.columns if column.heading == "source")
    groups = list(dict.fromkeys((row.source, row.protocol) for row in rows))
    assert places == tuple((f"[{1 + groups.index((row.source, row.protocol))}]",) for row in rows)
    notes = ["".join(note) for note in grid.notes]
    assert [note.split()[0] for note in notes[: len(groups)]] == [f"[{k}]" for k in range(1, len(groups) + 1)]
    flags = {flag for row in rows for flag in row.flags}
    assert {note.partition(":")[0] for note in notes[len(groups) :]} == flags


def test_a_protocol_stands_beneath_with_its_source_and_a_claim_in_words_in_its_row() -> None:
    rows = reported.reported("cifar10-purification-linf")
    lines = lines_of(listings.reported("cifar10-purification-linf", rows), 80)
    text = " ".join(" ".join(lines).split())
    assert "[1] Nie et al. 2022, Diffusion Models for Adversarial Purification (DiffPure): tables of" in text
    assert (
        "Protocol: gradient stochastic adjoint, approximate; images 8 draws of 64 test images, 504 of the 512" in text
    )
    assert "inexact-gradient: Found with gradients that are not those of the method" in text
    (claim,) = (row for row in rows if row.system == "MANI-Pure" and row.says)
    variant = next(c for c in listings.reported("x", rows).columns if c.heading == "variant")
    assert "".join(variant.cells[rows.index(claim)]).endswith("says: " + claim.says)


def estimates() -> list[CellEstimate]:
    suite, registry = CATALOGUE.suite("mnist16-generation"), CATALOGUE.registry
    names = ["mnist16-edm:guidance=1.2,sampler=heun", "mnist16-ncsn:sampler=predictor-corrector"]
    cells = plan_cells(suite, choose(suite, registry, names), registry, limit=64)
    times = [None, *(10.0 * 8**k for k in range(len(cells) - 1))]
    return [CellEstimate(c, 1, 64, 1280, 0, t, 720 * 2**20) for c, t in zip(cells, times, strict=True)]


@pytest.mark.parametrize("width", WIDTHS)
def test_an_estimate_names_its_cell_and_time(width: int) -> None:
    lines = lines_of(listings.estimates(estimates(), 2), width)
    text = "\n".join(lines)
    for piece in (
        "mnist16-generation / ",
        "guidance=1.2,",
        "sampler=predictor-corrector",
        "steps-18",
        "unknown",
        "1.3 min",
    ):
        assert piece in text
    assert "1 cells whose time is unknown" in " ".join(text.split()) and "720 MiB" in text


@pytest.mark.parametrize(("seconds", "text"), [(12.4, "12 s"), (210.0, "3.5 min"), (7560.0, "2.1 h")])
def test_durations(seconds: float, text: str) -> None:
    assert listings.duration(seconds) == text
