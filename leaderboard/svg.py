"""Turns a chart that Vega drew into inline SVG that follows the page: its colours, its fonts, nothing active in it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from xml.etree import ElementTree

from markupsafe import Markup

SVG = "{http://www.w3.org/2000/svg}"
ALLOWED = {"svg", "g", "path", "line", "rect", "text", "tspan", "circle", "defs", "clipPath", "title"}
# Vega wants real colours; each of these stands for a variable of the style sheet.
VARIABLES = {
    "#010001": "--ink",
    "#010002": "--soft",
    "#010003": "--faint",
    "#010004": "--line",
    "#010005": "--edge",
    "#010006": "--muted",
    "#010007": "--paper",
    **{f"#0200{i:02x}": f"--series-{i}" for i in range(1, 9)},
}
COLOURS = {name.removeprefix("--"): value for value, name in VARIABLES.items()}


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart with its heading and caption, drawn twice: with the names at its right, and ``narrow`` for a phone.

    A small one without names, which fits a phone as it is, has no second drawing.
    """

    title: str
    caption: str
    svg: Markup
    narrow: Markup | None = None


def inline(source: str, name: str, description: str) -> Markup:
    """The SVG text ``source`` as safe inline markup, labelled ``description``; ``name`` makes its ids unique.

    Only shapes and text survive: no scripts, links, styles, foreign content or event handlers. A mark's own label
    becomes a ``<title>``, which browsers show when the pointer rests on it.
    """
    root = ElementTree.fromstring(source)
    _clean(root, name)
    root.attrib = {"viewBox": root.attrib["viewBox"], "role": "img", "aria-label": description}
    ElementTree.register_namespace("", SVG[1:-1])
    return Markup(ElementTree.tostring(root, encoding="unicode"))


def _clean(element: ElementTree.Element, name: str) -> None:
    element.attrib = {k: v for k, v in _attributes(element, name).items() if v is not None}
    for child in list(element):
        if not isinstance(child.tag, str) or child.tag.removeprefix(SVG) not in ALLOWED:
            element.remove(child)
        else:
            _clean(child, name)
    label = element.attrib.pop("aria-label", None)
    if label and element.attrib.get("role") == "graphics-symbol" and not len(element):
        ElementTree.SubElement(element, f"{SVG}title").text = label
    for key in ("role", "aria-roledescription", "aria-hidden"):
        element.attrib.pop(key, None)


def _attributes(element: ElementTree.Element, name: str) -> dict[str, str | None]:
    return {key: _attribute(key, value, name) for key, value in element.attrib.items()}


def _attribute(key: str, value: str, name: str) -> str | None:
    if key.lower().startswith("on") or key in {"style", "href", "class", "font-family"} or key.startswith("{"):
        return None
    if key == "id":
        return f"{name}-{value}"
    if (reference := re.fullmatch(r"url\(#(.+)\)", value)) is not None:
        return f"url(#{name}-{reference[1]})"
    if "url(" in value and key != "aria-label":
        return None
    if key in {"fill", "stroke"} and value in VARIABLES:
        return f"var({VARIABLES[value]})"
    return value
