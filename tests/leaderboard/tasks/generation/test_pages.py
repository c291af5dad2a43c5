"""The pages of a board of generators as a parser sees them, built from a real store."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup, Tag

from trustdm.bench.suite.load import Suite
from trustdm.bench.tasks.generation.metrics import floor_of
from trustdm.bench.tasks.generation.task import generation as table_of
from trustdm.bench.types import Estimate
from trustdm.leaderboard import text

BOARD = "suites/digits-generation.html"
METHOD = "methods/digits-edm.html"


def soup(site: Path, path: str) -> BeautifulSoup:
    return BeautifulSoup((site / path).read_text(encoding="utf-8"), "html.parser")


def words(tag: Tag | None) -> str:
    assert tag is not None
    return " ".join(tag.get_text(" ").split())


@pytest.fixture(scope="module")
def board(generated: Path) -> BeautifulSoup:
    return soup(generated, BOARD)


@pytest.fixture(scope="module")
def stored(generated: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((generated / "data/digits-generation.json").read_bytes())
    return found


def heads(page: BeautifulSoup) -> list[str]:
    return [words(head).removesuffix(" ↓") for head in page.select("table.board thead th")]


def cells(page: BeautifulSoup, line: Tag) -> dict[str, Tag]:
    return dict(zip(heads(page), line.select(":scope > td, :scope > th"), strict=True))


def facts(page: BeautifulSoup) -> dict[str, str]:
    return {words(d.dt): words(d.dd) for d in page.select(".hero dl.facts > div") if isinstance(d.dt, Tag)}


def test_nothing_on_the_pages_is_about_attacks(generated: Path) -> None:
    for path in (BOARD, *(f"methods/{p.name}" for p in (generated / "methods").glob("*.html"))):
        said = (generated / path).read_text(encoding="utf-8").lower()
        for word in ("attack", "adversar", "robust", "budget", "perturb", "still correct"):
            assert word not in said, (path, word)


def test_the_facts_say_what_is_made_and_what_it_is_compared_with(board: BeautifulSoup, generation: Suite) -> None:
    said, it = facts(board), table_of(generation)
    assert said["Task"] == "Class-conditional generation: 8×8 grey images like those of digits"
    assert "class i modulo 10" in said["Classes asked for"] and "floor(255 x + 1/2)" in said["Rounding"]
    assert said["Images"].startswith("300 at full size") and "mean over 3 sets" in said["A set"]
    assert said["Extractor"].startswith("digits-features, 32 features, sha256 8c9b45bf")
    assert said["Reference"] == f"{it.reference}, sha256 {it.reference_sha256}" and said["Resizing"] == "none"
    assert said["Floor"].startswith("held-out real images: ") and said["Floor"].endswith("at n = 100")


def test_distances_are_plain_numbers_with_their_spread(board: BeautifulSoup, stored: list[dict[str, Any]]) -> None:
    lines = board.select("tr.row")
    assert len(lines) == len(stored) == 13
    for line, row in zip(lines, stored, strict=True):
        cell = cells(board, line)["Fréchet distance, 10 steps"]
        if "frechet_10" not in row["metrics"]:
            assert words(cell) == "–" and row["flags"] == ["failures"]
            continue
        value = Estimate(**row["metrics"]["frechet_10"])
        told, interval = text.measure(value.value, value.low, value.high)
        assert words(cell) == f"{told} {interval} {value.detail}".strip() and "%" not in words(cell)
        assert float(str(cell["data-sort"])) == value.value
        assert words(cells(board, line)["Recall, 10 steps"]) == text.estimate(
            Estimate(**row["metrics"]["recall_10"] | {"detail": ""})
        )


def test_full_rows_are_ranked_best_first_with_the_least_distance(stored: list[dict[str, Any]]) -> None:
    full = [r["metrics"]["frechet_10"]["value"] for r in stored if r["completeness"] == "full" and r["rank_low"]]
    assert len(full) == 10 and full == sorted(full)


def test_bars_of_a_column_share_one_axis(board: BeautifulSoup) -> None:
    seen = []
    for line in [*board.select("tr.row"), *board.select("tr.floor")]:
        cell = cells(board, line)["Fréchet distance, 10 steps"]
        if (bar := cell.select_one("rect.range")) is not None:
            seen.append((float(str(cell["data-sort"])), float(str(bar["x"])), float(str(bar["width"]))))
    seen.sort()
    assert len(seen) == 14 and max(x + width for _, x, width in seen) == pytest.approx(100, abs=0.2)
    assert min(x for _, x, _ in seen) == 0.0
    middles = [x + width / 2 for _, x, width in seen]
    assert middles[0] < middles[6] < middles[-1]
    assert "logarithmic" in words(board.select("section p.note")[1])


def test_network_evaluations_have_no_interval(board: BeautifulSoup) -> None:
    said = {
        words(line.select_one(".method a")): words(cells(board, line)["NFE, 10 steps"])
        for line in board.select("tr.row")
    }
    assert said["EDM, class-conditional (digits), sampler=heun"] == "19"
    assert said["NCSN (digits), sampler=langevin"] == "50"


def test_each_ranked_group_begins_with_what_real_images_get(board: BeautifulSoup, generation: Suite) -> None:
    groups = board.select("table.board tbody")
    titles = [words(group.select_one("tr.group .heading")) for group in groups]
    assert titles == ["Full", "Full, not ranked", "Preview, first 64 images"]
    assert "300 images, in 3 sets of 100" in words(groups[0]) and "Lower is better." in words(groups[0])
    assert "larger for that reason alone" in words(groups[2])
    for group, n in ((groups[0], 100), (groups[2], 64)):
        line = group.select("tr")[1]
        assert line["class"] == ["floor"] and f"the floor at n = {n}" in words(line)
        floor = floor_of(generation, n)
        assert floor is not None
        told, interval = text.measure(floor.value, floor.low, floor.high)
        for column in ("Fréchet distance, 10 steps", "Fréchet distance, 5 steps"):
            assert words(cells(board, line)[column]) == f"{told} {interval}"
        assert words(cells(board, line)["KID, 10 steps"]) == "–"
    assert groups[1].select("tr.floor") == []


def test_other_numbers_of_steps_are_columns_of_their_own_switch(board: BeautifulSoup) -> None:
    switches = {words(s.parent): s for s in board.select("input[data-hides]") if isinstance(s.parent, Tag)}
    assert set(switches) == {"other step counts", "cost"}
    assert not any(s.has_attr("checked") for s in switches.values())
    more = [words(h).removesuffix(" ↓") for h in board.select("th.more")]
    assert more == ["Fréchet distance, 5 steps", "NFE, 5 steps", "Fréchet distance, 18 steps", "NFE, 18 steps"]
    assert [words(h) for h in board.select("th.cost, th.count")] == ["Passes", "Device time", "Images"]


def test_columns_are_explained(board: BeautifulSoup) -> None:
    terms = dict(zip(map(words, board.select("dl.terms dt")), map(words, board.select("dl.terms dd")), strict=True))
    assert terms["Fréchet distance, 10 steps"].endswith("after 10 steps. Lower is better.")
    assert terms["Precision, 10 steps"].endswith("Higher is better.")
    assert "no distance is given" in terms["failures"]


def test_the_charts_are_there(board: BeautifulSoup) -> None:
    assert [words(f.h2) for f in board.select("figure.chart")] == [
        "Fréchet distance by number of steps",
        "Fréchet distance by network evaluations",
        "Precision and recall",
    ]


def test_the_csv_has_the_spread_and_the_json_all_of_it(generated: Path, stored: list[dict[str, Any]]) -> None:
    lines = list(csv.DictReader(io.StringIO((generated / "data/digits-generation.csv").read_text())))
    first, row = lines[0], stored[0]
    assert float(first["frechet_10"]) == row["metrics"]["frechet_10"]["value"]
    assert (
        first["frechet_10_detail"] == row["metrics"]["frechet_10"]["detail"] and "3 sets" in first["frechet_10_detail"]
    )
    assert (first["evaluations_10"], first["evaluations_10_low"], first["frechet_10_n"]) == ("19.0", "19.0", "300")
    assert json.loads(first["params"]) == row["params"] and row["shown"] == {"sampler": "heun"}


def test_the_index_says_what_is_measured_and_where_the_floor_is(generated: Path, stored: list[dict[str, Any]]) -> None:
    card = soup(generated, "index.html").select_one("li.card")
    best = Estimate(**stored[0]["metrics"]["frechet_10"])
    told, interval = text.measure(best.value, best.low, best.high)
    assert words(card.select_one(".figure") if card else None) == f"{told} {interval}"
    assert "Class-conditional generation of 8×8 grey images: Fréchet distance of 100 samples" in words(
        card
    ) and "held-out real images: " in words(card)
    assert "attack" not in words(card).lower() and "EDM, class-conditional (digits), sampler=heun" in words(card)


def test_a_method_page_shows_samples_side_by_side_and_the_numbers_step_by_step(generated: Path) -> None:
    page = soup(generated, METHOD)
    results = page.select("section.result")
    assert len(results) == 3
    for result in results:
        pictures = result.select(".sheets img")
        assert len(pictures) == 3 and all((generated / "methods" / str(i["src"])).is_file() for i in pictures)
        assert [words(c.strong) for c in result.select(".sheets figcaption")] == ["5 steps", "10 steps", "18 steps"]
        lines = [words(th) for th in result.select('[aria-label^="Step by step"] tbody th')]
        assert lines == ["5 steps", "10 steps", "18 steps"]
        assert result.select(".gallery") == []
    assert "Makes 1×8×8, 10 classes" in words(page.select_one(".hero"))
    labels = [words(dt) for dt in results[0].select(".tiles dt")]
    assert labels[:2] == ["Fréchet distance, 10 steps", "NFE, 10 steps"] and "Fréchet distance, 5 steps" not in labels


def test_all_records_of_a_generator_can_be_downloaded(generated: Path) -> None:
    link = soup(generated, METHOD).select_one('a[href$=".csv"]')
    assert link is not None
    lines = list(csv.DictReader(io.StringIO((generated / "methods" / str(link["href"])).read_text())))
    assert len(lines) == 3 * 300 and lines[0] == {
        "evaluation": "steps-5",
        "seed": "0",
        "draw": "0",
        "status": "made",
        "label": "0",
        "network_evaluations": "9.0",
    }


def test_a_failed_generator_has_its_error_and_no_distance(generated: Path) -> None:
    page = soup(generated, "methods/digits-broken.html")
    assert "NaN pixels" in words(page.select_one(".errors"))
    assert words(page.select(".tiles dd")[0]) == "–"
