"""What all pages share: where they are, the navigation, facts from values."""

from __future__ import annotations

from trustdm.bench.suite.load import Suite
from trustdm.leaderboard import text
from trustdm.leaderboard.boards import Site
from trustdm.leaderboard.models import Fact, Link, Page

REPORTED = "reported.html"


def suite_path(suite: Suite) -> str:
    """Where the page of a suite is, from the root of the site."""
    return f"suites/{text.slug(suite.name)}.html"


def method_path(name: str) -> str:
    """Where the page of a method is, from the root of the site."""
    return f"methods/{text.slug(name)}.html"


def page(title: str, description: str, site: Site, *, root: str = "", here: Suite | str | None = None) -> Page:
    """The head of a page; ``root`` leads from it to the root of the site, ``here`` is the board it belongs to."""
    boards = [(b.suite.name, suite_path(b.suite), b.suite is here) for b in site.boards]
    links = tuple(Link(name, root + path, "here" if own else "") for name, path, own in boards)
    published = Link("reported", root + REPORTED, "here" if here == REPORTED else "") if site.reported else None
    name = f"{title} · trustdm" if title != "trustdm" else title
    return Page(name, title, description, root, links, published)


def fact(term: str, value: object, *, code: bool = False) -> Fact | None:
    """A fact, with the addresses in it as links; None where there is nothing to say."""
    words = str(value).strip() if value is not None else ""
    return Fact(term, text.linked(words), code) if words else None


def facts(*found: Fact | None) -> tuple[Fact, ...]:
    """Those facts that say something."""
    return tuple(f for f in found if f is not None)
