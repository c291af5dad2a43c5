"""The page of a method as a parser sees it: the card, the sections, the provenance."""

from __future__ import annotations

import re
from pathlib import Path

from bs4 import BeautifulSoup, Tag

from trustdm.bench.suite.load import Suite


def soup(site: Path, path: str) -> BeautifulSoup:
    return BeautifulSoup((site / path).read_text(encoding="utf-8"), "html.parser")


def words(tag: Tag | None) -> str:
    assert tag is not None
    return " ".join(tag.get_text(" ").split())


def test_a_method_page_has_the_card(published: Path) -> None:
    page = soup(published, "methods/mnist16-adversarial.html")
    said = words(page.select_one(".hero"))
    assert "At least 60% stay correct under AutoAttack." in said and "not what was measured" in said
    assert "A. Madry, L. Schmidt" in said and "MIT" in said and "ab" * 32 in said
    paper = page.select_one('.hero a[href="https://arxiv.org/abs/1706.06083"]')
    assert paper is not None and "noopener" in (paper.get("rel") or [])
    assert {words(h.a) for h in page.select(".result h2")} == {"MNIST 16x16, linf 3/20", "Digits, linf 1/10"}


def test_a_method_page_has_the_provenance_of_its_runs(published: Path) -> None:
    details = soup(published, "methods/mnist16-adversarial.html").select(".result details")[1]
    said = words(details)
    assert "3f9c2d71b0a4e85d6c7f1e2a9b8d7c6e5f4a3b2c, with local changes" in said
    assert "Version of torch 2.12.1" in said and "Machine: processor Xeon" in said and "Setting: threads 1" in said
    cells = [[words(c) for c in tr.select("th, td")] for tr in details.select("tbody tr")]
    assert [line[0] for line in cells] == ["clean", "pgd40", "autoattack"]
    assert cells[2][1] == "1,000 of 1,000" and cells[2][3:5] == ["64", "cpu"] and cells[2][12] == "c0dec0dec0de"
    assert cells[2][7:9] == ["7.85 M", "1.91 M"]


def test_attack_by_attack_counts_add_up(published: Path) -> None:
    page = soup(published, "methods/mnist16-adversarial.html")
    table = page.select_one('[aria-label="Attack by attack, autoattack, MNIST 16x16, linf 3/20"] table')
    assert table is not None
    lines = [[words(c) for c in tr.select("th, td")] for tr in table.select("tbody tr")]
    assert [line[0] for line in lines] == ["clean", "apgd-ce", "apgd-t", "fab-t", "square"]
    assert all(sum(map(int, line[2:])) == 1000 for line in lines)
    assert [int(line[2]) for line in lines] == [round(10 * float(line[1].partition("%")[0])) for line in lines]


def test_examples_are_listed_in_the_order_of_the_test_list(published: Path, suites: list[Suite]) -> None:
    page = soup(published, "methods/mnist16-adversarial.html")
    table = page.select_one(".result details table")
    assert table is not None
    assert [words(h) for h in table.select("thead th")] == [
        "Example",
        "clean",
        "pgd",
        "apgd-ce",
        "apgd-t",
        "fab-t",
        "square",
    ]
    listed = [words(th) for th in table.select("tbody th")]
    assert listed == [str(i) for i in suites[0].test[:200]]
    first = words(table.select_one("tbody td"))
    assert re.fullmatch(r"(correct|wrong) \d [+−]\d\.\d\d", first)


def test_the_protocol_is_named_and_its_versions_stand_below(published: Path) -> None:
    page = soup(published, "methods/mnist16-adversarial.html")
    columns = [words(h) for h in page.select(".result details")[1].select("thead th")]
    line = page.select(".result details")[1].select("tbody tr")[1].select("th, td")
    assert words(line[columns.index("Protocol")]) == "adversarial versions: 1"


def test_a_method_page_shows_attacked_images_of_one_size(published: Path) -> None:
    images = soup(published, "methods/mnist16-adversarial.html").select(".gallery .side")[0].select("img")
    assert [(i["width"], i["height"]) for i in images] == [("16", "16")] * 3
    assert len({str(i["src"]) for i in images}) == 3
