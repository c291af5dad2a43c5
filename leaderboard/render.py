"""Page models to HTML; everything that is not markup of our own templates is escaped."""

from __future__ import annotations

from functools import cache
from importlib import resources

from jinja2 import Environment, PackageLoader, StrictUndefined

from trustdm.bench.printable import printable_lines
from trustdm.leaderboard.models import IndexPage, ReportedPage, StudyPage, SuitePage
from trustdm.leaderboard.result_models import MethodPage

ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect width='16' height='16'"
    " rx='3' fill='%231f4f8b'/%3E%3Cpath d='M3 5.5h10M8 3v10M5 10h6' stroke='white' stroke-width='1.6'/%3E%3C/svg%3E"
)
TEMPLATES = {
    IndexPage: "index.html",
    SuitePage: "suite.html",
    MethodPage: "method.html",
    ReportedPage: "reported.html",
    StudyPage: "study.html",
}
STATIC = ("style.css", "board.js", "ranks.js")


@cache
def environment() -> Environment:
    """The templates: autoescape everywhere, an unknown name is an error."""
    loader = PackageLoader("trustdm.leaderboard", "templates")
    templates = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    templates.globals["icon"] = ICON
    templates.finalize = _shown
    return templates


def _shown(value: object) -> object:
    """What is put into a page: texts, ours and strangers', without control and formatting characters."""
    return type(value)(printable_lines(value)) if isinstance(value, str) else value


def html(view: IndexPage | SuitePage | MethodPage | ReportedPage | StudyPage) -> bytes:
    """The HTML of a page."""
    return environment().get_template(TEMPLATES[type(view)]).render(view=view).encode("utf-8", "replace")


def static() -> dict[str, bytes]:
    """The files that all pages share, by path."""
    folder = resources.files("trustdm.leaderboard") / "static"
    return {f"assets/{name}": (folder / name).read_bytes() for name in STATIC}
