"""Published numbers on the pages: apart from measured rows, with source, protocol, flags and n."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from bs4 import BeautifulSoup, Tag

from trustdm.bench import reported
from trustdm.bench.reported import Measured
from trustdm.leaderboard import render
from trustdm.leaderboard.boards import Board, Site
from trustdm.leaderboard.pages.board import suite_page
from trustdm.leaderboard.pages.index import index_page
from trustdm.leaderboard.pages.reported import on_board


def soup(data: bytes) -> BeautifulSoup:
    return BeautifulSoup(data.decode(), "html.parser")


def words(tag: Tag | None) -> str:
    assert tag is not None
    return " ".join(tag.get_text(" ").split())


@pytest.fixture(scope="module")
def page(generated: Path) -> BeautifulSoup:
    return soup((generated / "reported.html").read_bytes())


@pytest.fixture
def board(generators: Board) -> Board:
    published = tuple(replace(row, suite="digits-generation") for row in reported.reported("afhqv2-generation"))
    return replace(generators, entries=generators.entries[:1], reported=published)


def lines(page: BeautifulSoup) -> list[dict[str, Tag]]:
    heads = [words(h) for h in page.select("table.published thead th")]
    return [dict(zip(heads, r.select("td"), strict=True)) for r in page.select("table.published tr.row")]


def test_the_page_has_every_published_number(page: BeautifulSoup) -> None:
    rows = [row for name in reported.suites() for row in reported.reported(name)]
    assert len(page.select("tr.row")) == len(rows) > 150
    shown = sorted(words(line["Reported"]) for line in lines(page))
    assert shown == sorted(row.printed or "–" for row in rows)
    assert words(page.select_one(".tally")) == f"{len(rows)} rows"


def test_every_group_names_its_source_and_its_protocol(page: BeautifulSoup) -> None:
    for group in page.select("table.published tbody"):
        head = group.select_one("tr.group")
        link = head.select_one("a") if head else None
        assert link is not None and str(link["href"]).startswith("https://") and "noopener" in (link.get("rel") or [])
        assert "Protocol: " in words(head)
    said = [words(g) for g in page.select("tr.group")]
    assert any("Generation, AFHQv2 64×64: Table 2" in s and "extractor Inception-v3" in s for s in said)
    assert any("resizing not said" in s for s in said) and any(s.endswith("Protocol: not said.") for s in said)


def test_flags_are_chips_that_are_explained_and_missing_n_is_said(page: BeautifulSoup) -> None:
    found = {(words(line["System"]), words(line["Reported"])): line for line in lines(page)}
    odd = found["EDM trained on watermarked images 64 bits, weight noise 0.009", "13.44"]
    assert [words(c) for c in odd["Flags"].select(".chip")] == ["suspect", "underspecified"]
    assert all(c["title"] for c in odd["Flags"].select(".chip"))
    assert words(odd["n"]) == "not said" and odd["n"]["data-sort"] == ""
    assert "8.62 at 0.01" in words(odd["Remark"])
    legend = {words(dt) for dt in page.select("dl.terms dt")}
    assert legend == {name.replace("-", " ") for name in reported.FLAGS}


def test_a_claim_in_words_has_a_dash_and_its_words_in_the_remark(page: BeautifulSoup) -> None:
    (line,) = (line for line in lines(page) if words(line["System"]) == "CARSO AutoAttack")
    assert (words(line["Reported"]), line["Reported"]["data-sort"], words(line["n"])) == ("–", "", "not said")
    assert words(line["Remark"]).startswith("Says: improves the state of the art on CIFAR-10")
    assert [words(c) for c in line["Flags"].select(".chip")] == ["underspecified", "claim"]


def test_attacks_verdicts_and_gradients_are_said(page: BeautifulSoup) -> None:
    found = {(words(line["System"]), words(line["Reported"])): line for line in lines(page)}
    line = found["DiffPure WRN-70-16, DiffHammer, worst of 10", "0.2266"]
    assert "inexact gradient" in [words(c) for c in line["Flags"].select(".chip")]
    said = [words(g) for g in page.select("tr.group")]
    assert any("gradient stochastic adjoint, approximate; images 8 draws of 64" in s for s in said)


def test_certificates_have_their_noise_radius_and_protocol(page: BeautifulSoup) -> None:
    found = {(words(line["System"]), words(line["Metric"])): line for line in lines(page)}
    line = found["Cohen et al. ResNet-50, σ 0.25, radius 0.5", "certified accuracy"]
    assert (words(line["Reported"]), words(line["n"])) == ("0.494", "427")
    assert [words(c) for c in line["Flags"].select(".chip")] == ["suspect", "cut off"]
    assert "0.711" in words(
        found["Diffusion denoised smoothing BEiT-L/16, best sigma per radius, radius 0.5", "certified accuracy"][
            "Reported"
        ]
    )
    (head,) = [h for h in map(words, page.select("tr.group")) if "Cohen" in h and "ImageNet" in h]
    assert "Protocol: certification n0 = 100, n = 100,000" in head and "extractor" not in head


def test_nothing_is_ranked(page: BeautifulSoup) -> None:
    assert page.select(".rank") == [] and "never to be ranked" in words(page.select_one(".lead"))


def test_filters_offer_data_system_metric_and_flag(page: BeautifulSoup) -> None:
    options = {str(s["name"]): {words(o) for o in s.select("option")} for s in page.select("form select")}
    assert set(options) == {"data", "system", "metric", "flag"}
    suspects = sum("suspect" in r.flags for name in reported.suites() for r in reported.reported(name))
    assert f"suspect ({suspects})" in options["flag"] and "AFHQv2, 64×64 (31)" in options["data"]


def test_the_navigation_and_the_index_lead_to_it(generated: Path, page: BeautifulSoup) -> None:
    for path, href in (("index.html", "reported.html"), ("suites/digits-generation.html", "../reported.html")):
        found = soup((generated / path).read_bytes())
        assert found.select_one(f'header nav a[href="{href}"]') is not None
    assert len(soup((generated / "index.html").read_bytes()).select('a[href="reported.html"]')) == 2
    here = page.select_one("header nav a[aria-current=page]")
    assert words(here) == "Published numbers"


def test_the_numbers_can_be_downloaded(generated: Path, page: BeautifulSoup) -> None:
    links = [str(a["href"]) for a in page.select("ul.links a")]
    assert links == [f"data/reported/{name}.json" for name in reported.suites()]
    for link, name in zip(links, reported.suites(), strict=True):
        assert json.loads((generated / link).read_bytes()) == reported.as_json(name)


def test_a_board_shows_its_published_numbers_in_a_table_of_their_own(board: Board) -> None:
    site = Site((board,), {}, {"digits-generation": board.reported})
    found = soup(render.html(suite_page(site, board, [])))
    tables = found.select("table.board")
    assert len(tables) == 2 and len(tables[0].select("tr.row")) == 1
    assert len(tables[1].select("tr.row")) == len(board.reported) and "published" in tables[1]["class"]
    section = words(found.select_one("section[aria-labelledby=published]"))
    assert "not ranked, and not comparable with the rows above" in section and "Data" not in heads(tables[1])
    assert "1 full, 0 preview, 31 reported" in words(soup(render.html(index_page(site))).select_one(".meta"))


def heads(table: Tag) -> list[str]:
    return [words(h) for h in table.select("thead th")]


def test_a_board_without_published_numbers_has_no_such_table(board: Board) -> None:
    assert on_board(replace(board, reported=())) is None


def test_ours_less_theirs_is_shown_where_the_file_says_that_the_protocol_is_the_same(board: Board) -> None:
    ours = board.entries[0].row.metrics["frechet_10"].value
    same = Measured(method="digits-edm", params={"sampler": "heun"}, metric="frechet_10")
    first = replace(board.reported[0], value=Decimal("1.00"), measured=same)
    table = on_board(replace(board, reported=(first, *board.reported[1:])))
    assert table is not None and table.deltas
    assert table.groups[0].lines[0].delta == f"+{ours - 1:.2f}" and table.groups[0].lines[1].delta == ""
    other = replace(first, measured=Measured(method="digits-edm", params={"sampler": "euler"}, metric="frechet_10"))
    table = on_board(replace(board, reported=(other,)))
    assert table is not None and not table.deltas


def test_texts_of_a_file_are_escaped(board: Board, hostile: str) -> None:
    rows = tuple(replace(row, system=hostile, note=hostile) for row in board.reported[:2])
    site = Site((board,), {}, {"digits-generation": rows})
    found = soup(render.html(suite_page(site, replace(board, reported=rows), [])))
    assert hostile in found.select("table.published .name")[0].get_text()
    assert len(found.select("script")) == 1 and found.select("img[src=x]") == []
