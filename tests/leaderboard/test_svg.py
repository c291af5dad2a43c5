from __future__ import annotations

from xml.etree import ElementTree

import pytest

from trustdm.leaderboard.svg import COLOURS, inline

HEAD = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 9 9" width="9">'


def drawn(body: str) -> ElementTree.Element:
    return ElementTree.fromstring(str(inline(f"{HEAD}{body}</svg>", "chart", "a chart")))


@pytest.mark.parametrize(
    "body",
    [
        "<script>alert(1)</script>",
        "<foreignObject><p>x</p></foreignObject>",
        '<image xlink:href="http://host/x.png"/>',
        "<style>* { fill: url(http://host/x) }</style>",
        '<a xlink:href="javascript:alert(1)"><path d="M0,0"/></a>',
        "<g><script/></g>",
    ],
)
def test_nothing_active_survives(body: str) -> None:
    left = {element.tag.rpartition("}")[2] for element in drawn(body).iter()}
    assert left <= {"svg", "g"}


def test_event_handlers_styles_and_outer_references_are_dropped() -> None:
    (path,) = drawn('<path d="M0,0" onclick="x()" style="fill:red" fill="url(http://host/#a)" class="c"/>')
    assert path.attrib == {"d": "M0,0"}


def test_ids_are_unique_to_the_chart_and_references_follow() -> None:
    root = drawn('<defs><clipPath id="clip0"><rect/></clipPath></defs><g clip-path="url(#clip0)"/>')
    assert root[0][0].attrib["id"] == "chart-clip0"
    assert root[1].attrib["clip-path"] == "url(#chart-clip0)"


def test_colours_become_variables_of_the_style_sheet() -> None:
    (path,) = drawn(f'<path stroke="{COLOURS["edge"]}" fill="#123456"/>')
    assert path.attrib == {"stroke": "var(--edge)", "fill": "#123456"}


def test_the_label_of_a_mark_becomes_its_title() -> None:
    (path,) = drawn('<path role="graphics-symbol" aria-label="&lt;b&gt;: 61%"/>')
    assert [child.text for child in path] == ["<b>: 61%"]


def test_the_drawing_scales_and_is_named() -> None:
    assert drawn("").attrib == {"viewBox": "0 0 9 9", "role": "img", "aria-label": "a chart"}
