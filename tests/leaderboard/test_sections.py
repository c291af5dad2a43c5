from __future__ import annotations

import pytest
from bs4 import BeautifulSoup
from markupsafe import Markup

from trustdm.leaderboard import render
from trustdm.leaderboard.models import Bar, Cell
from trustdm.leaderboard.sections import (
    ChartSection,
    Head,
    Image,
    Line,
    Picture,
    PicturesSection,
    Section,
    Sections,
    TableSection,
)
from trustdm.leaderboard.svg import Chart


def drawn(section: Section) -> BeautifulSoup:
    template = render.environment().from_string('{% from "section.html" import section %}{{ section(part, "Suite") }}')
    return BeautifulSoup(template.render(part=section), "html.parser")


def words(page: BeautifulSoup, selector: str) -> list[str]:
    return [" ".join(tag.get_text(" ").split()) for tag in page.select(selector)]


def test_a_table_has_its_heads_lines_and_bars() -> None:
    cells = (Cell("50%", "[40, 60]", 0.5, Bar(40, 50, 60), "a note"), Cell("x", state="wrong"))
    page = drawn(
        TableSection("Numbers", (Head("A", "hint"), Head("B", detail="below")), (Line("one", cells),), "Read me.")
    )
    assert words(page, "h3") == ["Numbers"] and words(page, "p.note") == ["Read me."]
    assert words(page, "thead th") == ["A", "B below"] and page.select("details") == []
    assert words(page, "tbody td") == ["50% [40, 60] a note", "x"] and len(page.select("svg.bar")) == 1
    assert page.select_one("td.st-wrong") is not None and page.select_one("thead td") is not None
    assert all(th.get("scope") for th in page.select("th"))


def test_a_folded_table_says_how_much_of_it_is_there() -> None:
    lines = tuple(Line(str(k), (Cell("right", "small"),)) for k in range(3))
    page = drawn(TableSection("All", (Head("A"),), lines, corner="Image", folded=True, total=900, href="../x.csv"))
    assert words(page, "summary") == ["All (first 3 of 900)"] and not page.select_one("details").has_attr("open")  # type: ignore[union-attr]
    assert words(page, "thead th") == ["Image", "A"] and words(page, "td") == ["right"] * 3
    assert [str(a["href"]) for a in page.select("a")] == ["../x.csv"]


@pytest.mark.parametrize(("across", "kind"), [(1, "sheets"), (3, "gallery")])
def test_pictures_stand_alone_or_side_by_side(across: int, kind: str) -> None:
    image = Image("../a.png", "a <b>", 8, 6)
    pictures = (Picture((image,), "many", "Name", "nothing else"), Picture((image, image)))
    page = drawn(PicturesSection("Pictures", pictures, across=across))
    assert len(page.select(f"ul.{kind} > li")) == 2 and len(page.select("img")) == 3
    assert page.select("img")[0]["alt"] == "a <b>" and page.select("img")[0]["width"] == "8"
    assert words(page, "figcaption")[0] == "Name many" and words(page, "p.none") == ["nothing else"]


def test_charts_have_a_second_drawing_for_a_phone_where_they_have_one() -> None:
    svg = Markup("<svg></svg>")
    page = drawn(ChartSection("Charts", (Chart("One", "of one", svg), Chart("Two", "of two", svg, svg)), "Look."))
    assert words(page, "h4") == ["One", "Two"] and len(page.select("svg")) == 3
    assert len(page.select(".wide")) == len(page.select(".narrow")) == 1 and words(page, "p.note") == ["Look."]


def test_nothing_is_shown_by_default() -> None:
    assert Sections().shown == () and dict(Sections().files) == {}
