"""The pages of a certified board as a parser sees them, built from a real store."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup, Tag

from trustdm.bench.plugins import load_suite
from trustdm.bench.smoothing.accuracy import ENVELOPE
from trustdm.bench.types import Estimate
from trustdm.leaderboard import columns, text

BOARD = "suites/mnist16-certified.html"
METHOD = "methods/mnist16-noise-trained.html"


def soup(site: Path, path: str) -> BeautifulSoup:
    return BeautifulSoup((site / path).read_text(encoding="utf-8"), "html.parser")


def words(tag: Tag | None) -> str:
    assert tag is not None
    return " ".join(tag.get_text(" ").split())


@pytest.fixture(scope="module")
def board(certified: Path) -> BeautifulSoup:
    return soup(certified, BOARD)


@pytest.fixture(scope="module")
def stored(certified: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((certified / "data/mnist16-certified.json").read_bytes())
    return found


def cells(page: BeautifulSoup, line: Tag) -> dict[str, Tag]:
    heads = [words(head).removesuffix(" ↓") for head in page.select("table.board thead th")]
    return dict(zip(heads, line.select(":scope > td, :scope > th"), strict=True))


def test_nothing_on_the_pages_is_about_attacks(certified: Path) -> None:
    for path in (BOARD, *(f"methods/{p.name}" for p in (certified / "methods").glob("*.html"))):
        said = (certified / path).read_text(encoding="utf-8").lower()
        for word in ("attack", "adversar", "budget", "perturb", "still correct", "margin of the true class"):
            assert word not in said, (path, word)


def test_the_facts_explain_draws_alpha_abstention_and_what_a_certificate_says(board: BeautifulSoup) -> None:
    said = {words(d.dt): words(d.dd) for d in board.select(".hero dl.facts > div") if isinstance(d.dt, Tag)}
    assert said["Draws, n0 and n"].startswith("n0 = 100 choose the label; n = 10,000 others")
    assert said["Error, alpha"] == "an image's certificate is wrong with probability at most 1/1000, over the draws"
    assert said["If it abstains"] == "the image counts as wrong, at every radius"
    assert "every image within the radius" in said["A certificate says"]
    assert "that the label is right" in said["It does not say"] and "declared radii" in said["Sequential"]


def test_the_columns_of_the_ranking_sigma_come_first(board: BeautifulSoup) -> None:
    heads = [words(h).removesuffix(" ↓") for h in board.select("th.main")]
    assert heads[0] == "ACR, σ 1/2" and all("1/2" in head for head in heads)
    assert {"Abstained, σ 1/2", "Draws, σ 1/2", "Draws, sequential, r 1/2"} <= set(heads)
    more = [words(h).removesuffix(" ↓") for h in board.select("th.more")]
    assert more[0] == "ACR, σ 1/4" and all("σ 1/4" in head for head in more) and "Draws, σ 1/4" in more
    assert [words(h) for h in board.select("th.cost, th.count")] == ["Forward", "Device time", "Images"]


def test_each_other_sigma_has_a_switch(board: BeautifulSoup) -> None:
    switches = {words(s.parent): s for s in board.select("input[data-hides]") if isinstance(s.parent, Tag)}
    assert set(switches) == {"σ 1/4", "cost"}
    name = str(switches["σ 1/4"]["data-hides"])
    assert name == "switch-1" and not switches["σ 1/4"].has_attr("checked")
    assert all(name in h["class"] for h in board.select("th.more")) and len(board.select(f"td.{name}")) == 6 * 7


def test_a_board_of_four_sigmas_has_three_switches() -> None:
    suite = load_suite("cifar10-certified")
    found = {column.switch for column in columns.columns(suite) if column.group == "more"}
    assert found == {"switch-1", "switch-2", "switch-3"}


def test_draws_are_told_with_the_reduction(board: BeautifulSoup, stored: list[dict[str, Any]]) -> None:
    line = cells(board, board.select("tr.row")[0])
    assert words(line["Draws, σ 1/2"]) == "10,100"
    value = Estimate(**stored[0]["metrics"]["draws_sequential-1-2"])
    told, interval = text.measure(value.value, value.low, value.high)
    assert words(line["Draws, sequential, r 1/2"]) == f"{told} {interval} {10_100 / value.value:.3g}× fewer than 10,100"
    assert words(line["Forward"]).endswith("per image") and words(line["Images"]) == "1,000 of 1,000"


def test_values_are_those_of_the_json(board: BeautifulSoup, stored: list[dict[str, Any]]) -> None:
    for line, row in zip(board.select("tr.row"), stored, strict=True):
        cell = cells(board, line)["σ 1/2, r 1/2"]
        if "certified_1-2_1-2" in row["metrics"]:
            assert words(cell) == text.estimate(Estimate(**row["metrics"]["certified_1-2_1-2"]))
        else:
            assert row["origin"] == "reported" and words(cell) == "–"


def test_a_published_log_is_not_ranked_and_its_end_is_flagged(board: BeautifulSoup) -> None:
    (line,) = [r for r in board.select("tr.row") if "Cohen" in words(r)]
    found = cells(board, line)
    assert words(found["Rank"]) == "– not ranked" and words(found["Forward"]) == "–"
    assert [words(c) for c in found["Marks and flags"].select(".chip")][::4] == ["reported", "cut off"]
    assert words(found["ACR, σ 1/4"]) != "–" and words(found["Images"]) == "427 of 500"
    titles = {words(c): str(c["title"]) for c in found["Marks and flags"].select(".chip")}
    assert titles["cut off"] == "The published log that this was read from ends early; the images after it are missing."


def test_the_charts_share_one_legend(board: BeautifulSoup) -> None:
    titles = [words(f.h2) for f in board.select("figure.chart")]
    assert titles[:2] == ["Certified accuracy, σ 1/4", "Certified accuracy, σ 1/2"]
    assert titles[2:] == [f"Certified accuracy, {ENVELOPE}", "Draws of an image", "Abstention"]
    labels = [words(li) for li in board.select("ul.keys li")]
    assert len(labels) == 9 and labels[-1] == "sequential, at its declared radii"
    assert "not the curve of any one model" in words(board.select("figure.chart")[2])


def test_columns_are_explained(board: BeautifulSoup) -> None:
    terms = dict(zip(map(words, board.select("dl.terms dt")), map(words, board.select("dl.terms dd")), strict=True))
    assert terms["σ 1/2, r 1/4"].startswith("Certified accuracy at radius 1/4")
    assert "these count as wrong" in terms["Abstained, σ 1/2"] and "the number is fixed" in terms["Draws, σ 1/2"]
    assert "as few as the declared radii take" in terms["Draws, sequential, r 1/2"]


def test_a_method_page_has_a_table_by_radius_with_procedures(
    certified: Path, board: BeautifulSoup, stored: list[dict[str, Any]]
) -> None:
    page = soup(certified, METHOD)
    table = page.select_one('[aria-label^="Certificates"] table')
    assert table is not None
    assert [words(th) for th in table.select("thead th")] == [
        "σ 1/4 fixed n, Clopper-Pearson, n = 10,000, alpha 1/1000",
        "σ 1/2 fixed n, Clopper-Pearson, n = 10,000, alpha 1/1000",
        "σ 1/2 sequential: group-sequential, radius 1/2, alpha 1/1000",
    ]
    lines = {words(tr.th): [words(td) for td in tr.select("td")] for tr in table.select("tbody tr")}
    (row,) = [r for r in stored if r["method"] == "mnist16-noise-trained"]
    value = Estimate(**row["metrics"]["certified_1-2_1-2"])
    share = text.estimate(value)
    # More than five of 1,000 certificates at 1/1000 are wrong with a probability below 1/1000 (Poisson(1): .0006).
    assert lines["Radius 1/2"][1] == f"{share} at least {text.percent(value.value - 0.005)}"
    assert lines["Radius 1/4"][2] == "–" != lines["Radius 1/2"][2]
    assert lines["Average radius (ACR)"][2] == lines["Abstained"][2] == "–" and lines["Images"] == ["1,000"] * 3
    assert lines["Draws of an image"][2].endswith("× fewer than 10,100")


def test_a_method_page_has_its_images_and_all_of_them_as_csv(certified: Path) -> None:
    page = soup(certified, METHOD)
    (section,) = [d for d in page.select("details") if "Image by image" in words(d.summary)]
    assert "first 200 of 1000" in words(section.summary) and len(section.select("tbody tr")) == 200
    assert [words(h) for h in section.select("thead th")] == ["Image", "σ 1/4", "σ 1/2", "σ 1/2, sequential"]
    link = section.select_one('a[href$=".csv"]')
    assert link is not None
    lines = list(csv.DictReader(io.StringIO((certified / "methods" / str(link["href"])).read_text())))
    assert len(lines) == 3000
    first = [line for line in lines if line["image"] == words(section.select_one("tbody th"))]
    shown = [words(td) for td in section.select("tbody tr")[0].select("td")]
    for line, cell in zip(first, shown, strict=True):
        radius = line["declared_radius"] if line["evaluation"].startswith("seq") else line["radius"]
        assert cell.endswith(f"{int(line['draws']):,} draws")
        if not radius:
            assert cell.startswith("not certified")
        elif line["abstained"] == "no":
            assert ("right" if line["label_right"] == "yes" else "wrong") in cell and float(radius) > 0
    fixed = [line for line in lines if line["evaluation"] == "sigma-1-4"]
    held = [float(v["radius"]) * (v["label_right"] == "yes") * (v["abstained"] == "no") for v in fixed]
    stored = json.loads((certified / "data/mnist16-certified.json").read_bytes())
    (row,) = [r for r in stored if r["method"] == "mnist16-noise-trained"]
    assert sum(held) / 1000 == pytest.approx(row["metrics"]["acr_1-4"]["value"], abs=1e-9)


def test_provenance_counts_images_not_chunks_of_draws(certified: Path) -> None:
    table = soup(certified, METHOD).select('[aria-label^="Evaluations as they were run"] tbody tr')
    assert [words(tr.select("td")[0]) for tr in table] == ["1,000 of 1,000"] * 3


def test_a_preview_has_its_certificates_too(certified: Path) -> None:
    page = soup(certified, "methods/a-preview.html")
    assert page.select_one('[aria-label^="Certificates"] table') is not None and "preview" in words(
        page.select_one(".result header")
    )


def test_the_index_says_what_is_certified(certified: Path, stored: list[dict[str, Any]]) -> None:
    card = soup(certified, "index.html").select_one("li.card")
    value = Estimate(**stored[0]["metrics"]["acr_1-2"])
    told, interval = text.measure(value.value, value.low, value.high)
    assert words(card.select_one(".figure") if card else None) == f"{told} {interval}"
