"""The pages as a parser sees them, built from a real store."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup, Tag

from trustdm.bench.suite.load import Suite
from trustdm.bench.tasks.robustness.task import adversary
from trustdm.bench.types import Estimate
from trustdm.leaderboard import names, text

BOARD = "suites/mnist16-linf.html"
CLEAN, ROBUST = "Clean accuracy", "Robust accuracy (AutoAttack)"
COMPARED = {"": "", "tied": " tied with the best"}


def soup(site: Path, path: str) -> BeautifulSoup:
    return BeautifulSoup((site / path).read_text(encoding="utf-8"), "html.parser")


def words(tag: Tag | None) -> str:
    assert tag is not None
    return " ".join(tag.get_text(" ").split())


def heads(page: BeautifulSoup) -> list[str]:
    return [words(head) for head in page.select("table.board thead th")]


def row(page: BeautifulSoup, method: str) -> dict[str, Tag]:
    (found,) = [r for r in page.select("tr.row") if r.select_one(f'.method a[href$="/{text.slug(method)}.html"]')]
    return dict(zip(heads(page), found.select("td"), strict=True))


@pytest.fixture(scope="module")
def board(published: Path) -> BeautifulSoup:
    return soup(published, BOARD)


@pytest.fixture(scope="module")
def stored(published: Path) -> dict[str, dict[str, Any]]:
    rows = json.loads((published / "data/mnist16-linf.json").read_bytes())
    return {row["method"]: row for row in rows}


def every_page(site: Path) -> list[str]:
    return [path.relative_to(site).as_posix() for path in sorted(site.rglob("*.html"))]


def test_there_is_a_page_for_each_suite_and_each_method(published: Path, fakes: list[Any]) -> None:
    pages = set(every_page(published))
    assert {"index.html", BOARD, "suites/digits-linf.html", "suites/cifar10-linf.html"} <= pages
    assert {f"methods/{text.slug(fake.name)}.html" for fake in fakes} == {p for p in pages if p.startswith("methods/")}


def test_cells_show_what_is_stored(board: BeautifulSoup, stored: dict[str, dict[str, Any]]) -> None:
    for method, values in stored.items():
        cells = row(board, method)
        for column, metric in ((CLEAN, "clean_accuracy"), (ROBUST, "autoattack_accuracy")):
            estimate = Estimate(**values["metrics"][metric])
            assert words(cells[column]) == text.estimate(estimate)
            assert float(str(cells[column]["data-sort"])) == estimate.value
        assert words(cells["Examples"]) == f"{values['n']:,} of 1,000"


def test_the_interval_bar_is_drawn_where_the_numbers_say(board: BeautifulSoup, stored: dict[str, Any]) -> None:
    low, high = (stored["edm-augmented"]["metrics"]["clean_accuracy"][k] for k in ("low", "high"))
    bar = row(board, "edm-augmented")[CLEAN].select_one("svg rect.range")
    assert bar is not None
    assert float(str(bar["x"])) == pytest.approx(100 * low, abs=0.06)
    assert float(str(bar["width"])) == pytest.approx(100 * (high - low), abs=0.11)


def test_ranks_are_intervals_and_previews_say_among_what(board: BeautifulSoup, stored: dict[str, Any]) -> None:
    for method, values in stored.items():
        said, low, high = words(row(board, method)["Rank"]), values["rank_low"], values["rank_high"]
        compared = COMPARED.get(values["comparison"], f" {values['comparison']}")
        if low is None:
            assert said == "– not ranked"
        elif values["completeness"] == "full":
            assert said == f"{text.ranks(low, high)}{compared}"
        else:
            assert said == f"{text.ranks(low, high)} of preview n=64{compared}"
    assert any(v["rank_low"] != v["rank_high"] for v in stored.values())
    assert {"", "separated", "n too small to tell"} <= {v["comparison"] for v in stored.values()}


def test_full_and_preview_rows_never_share_a_group(board: BeautifulSoup, stored: dict[str, Any]) -> None:
    groups = board.select("table.board tbody")
    kinds = [{stored[_method(r)]["completeness"] for r in group.select("tr.row")} for group in groups]
    assert kinds == [{"full"}, {"full"}, {"preview"}]
    titles = [words(group.select_one("tr.group .heading")) for group in groups]
    assert titles == ["Full", "Full, not ranked", "Preview, first 64 examples"]


def _method(tag: Tag) -> str:
    link = tag.select_one(".method a")
    assert link is not None
    page = Path(str(link["href"])).stem
    return next(n for n in _names(tag) if text.slug(n) == page)


def _names(tag: Tag) -> list[str]:
    return str(tag["data-text"]).split(" ")


def test_marks_and_flags_are_labelled_and_explained(board: BeautifulSoup, stored: dict[str, Any]) -> None:
    for method, values in stored.items():
        chips = row(board, method)["Marks and flags"].select(".chip")
        marks = [values[k] for k in ("origin", "currency", "completeness", "verification")]
        assert [words(chip) for chip in chips] == marks + [flag.replace("-", " ") for flag in values["flags"]]
        assert all(chip["title"] for chip in chips)
    assert "zero-gradients" in stored["random-resize"]["flags"] and stored["first-protocol"]["currency"] == "stale"
    legend = {words(dt) for dt in board.select("dl.terms dt")}
    assert {"stale", "preview", "zero gradients", ROBUST} <= legend


def test_costs_are_given_for_each_example(board: BeautifulSoup, stored: dict[str, Any]) -> None:
    cost, n = stored["mnist16-adversarial"]["cost"], stored["mnist16-adversarial"]["n"]
    cells = row(board, "mnist16-adversarial")
    assert words(cells["Forward"]) == f"{text.count(cost['forwards'] / n)} per example"
    assert words(cells["Gradient"]) == f"{text.count(cost['gradients'] / n)} per example"
    assert words(cells["Device time"]) == f"{text.duration(cost['device_s'] / n)} per example"


def test_the_statistical_test_is_named(board: BeautifulSoup, stored: dict[str, Any]) -> None:
    note = words(board.select("section p.note")[1])
    assert stored["edm-augmented"]["rank_test"] in note and stored["purify-sde"]["rank_test"] in note


def test_the_adversary_is_described(board: BeautifulSoup, suites: list[Suite]) -> None:
    said = words(board.select_one("dl.facts"))
    table = adversary(suites[0])
    assert table.knows in said and table.wins in said and "L∞, ε = 3/20" in said


def test_filters_offer_what_the_rows_have(board: BeautifulSoup, stored: dict[str, Any]) -> None:
    options = {str(s["name"]): {words(o) for o in s.select("option")} for s in board.select("form select")}
    assert set(options) == {"completeness", "origin", "currency", "flag", "tag"}
    assert options["completeness"] == {"all", "full (9)", "preview (4)"}
    blind = sum("zero-gradients" in values["flags"] for values in stored.values())
    assert f"zero-gradients ({blind})" in options["flag"]


def test_every_page_is_whole_html(published: Path) -> None:
    for path in every_page(published):
        page = soup(published, path)
        assert page.html is not None and page.html["lang"] == "en", path
        assert len(page.select("head > title")) == len(page.select("h1")) == len(page.select("main")) == 1, path
        assert page.select_one("a.skip[href='#main']") is not None, path
        ids = [str(tag["id"]) for tag in page.select("[id]")]
        assert len(ids) == len(set(ids)), path
        assert all(image.get("alt") for image in page.select("img")), path
        assert all(head.get("scope") for head in page.select("th")), path


def test_nothing_on_any_page_is_active_but_our_own_script(published: Path) -> None:
    for path in every_page(published):
        page = soup(published, path)
        scripts = {str(s.get("src")).removeprefix("../") for s in page.select("script")}
        ranks = {src for src in scripts if src.startswith("data/ranks/") and ".." not in src}
        assert scripts - ranks <= {"assets/board.js", "assets/ranks.js"}, path
        assert all((published / src).is_file() for src in ranks), path
        assert all(not s.get_text() for s in page.select("script")), path
        assert not page.select("iframe, object, embed, base, style, [style]"), path
        attributes = {name for tag in page.find_all(True) for name in tag.attrs}
        assert not {name for name in attributes if name.startswith("on")}, path
        for tag in page.select("[href], [src]"):
            address = str(tag.get("href") or tag.get("src"))
            assert not re.match(r"\s*(javascript|vbscript):", address, re.IGNORECASE), (path, address)


def test_hostile_text_is_shown_as_text(published: Path, hostile: str, fakes: list[Any]) -> None:
    page = soup(published, f"methods/{text.slug(fakes[-1].name)}.html")
    assert words(page.select_one("h1")).startswith(" ".join(hostile.split()))
    assert words(page.select_one("blockquote p")) == " ".join(hostile.split())
    facts = {words(d.dt): d.dd for d in page.select("dl.facts > div") if isinstance(d.dt, Tag)}
    assert isinstance(facts["Paper"], Tag) and facts["Paper"].select("a") == []
    assert words(facts["Paper"]) == "javascript:alert(1)"
    broken = soup(published, "methods/unstable-net.html")
    scrubbed = hostile.replace("</", "<")  # as the folder of a path goes
    assert scrubbed in broken.select_one(".errors code").get_text()  # type: ignore[union-attr]


def test_nothing_on_a_page_hides_or_turns_around_what_it_says(published: Path) -> None:
    for path in every_page(published):
        content = (published / path).read_text(encoding="utf-8")
        assert {c for c in content if not c.isprintable()} == {"\n"}, path


def test_long_names_are_cut_in_the_table_only(board: BeautifulSoup, published: Path, fakes: list[Any]) -> None:
    link = row(board, fakes[-1].name)["Method"].select_one("a")
    assert len(words(link)) <= names.LONGEST
    title = words(soup(published, f"methods/{text.slug(fakes[-1].name)}.html").select_one("h1"))
    assert title.count("long") == 40


def test_every_link_inside_the_site_leads_somewhere(published: Path) -> None:
    for path in every_page(published):
        for tag in soup(published, path).select("a[href], link[href], script[src], img[src]"):
            address = str(tag.get("href") or tag.get("src"))
            if address.startswith(("http:", "https:", "data:", "#")):
                continue
            target = (published / path).parent / address.partition("#")[0]
            assert target.is_file(), (path, address)


def test_a_board_without_rows_says_so(published: Path) -> None:
    page = soup(published, "suites/cifar10-linf.html")
    assert page.select("tr.row") == []
    assert words(page.select_one(".empty")) == "No method has been measured on this board yet."


def test_every_value_of_the_table_carries_its_label_for_the_cards_of_a_phone(board: BeautifulSoup) -> None:
    for line in board.select("tr.row"):
        for head, cell in zip(heads(board), line.select("td"), strict=True):
            assert cell.get("data-label") == (None if head in {"Method", "Marks and flags"} else head)


def test_no_page_depends_on_the_clock(published: Path) -> None:
    stamps = {s for p in every_page(published) for s in re.findall(r"20\d\d-\d\d-\d\d", (published / p).read_text())}
    run = {s for s in stamps if s.startswith("2026-11-20")}
    assert stamps - run <= _finished(published)


def _finished(site: Path) -> set[str]:
    """The day on which the run was marked as finished: a stored time, too."""
    page = soup(site, "methods/mnist16-adversarial.html")
    facts = {words(d.dt): words(d.dd) for d in page.select("dl.dense > div") if isinstance(d.dt, Tag)}
    return {facts["Finished"][:10]}
