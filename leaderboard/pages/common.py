"""What all pages share: where they are, the navigation, facts from values."""

from __future__ import annotations

from collections.abc import Iterable

from trustdm.bench.studies import Study
from trustdm.bench.suite.load import Suite
from trustdm.leaderboard import text
from trustdm.leaderboard.boards import Entry, Site
from trustdm.leaderboard.boardview import FactWords
from trustdm.leaderboard.models import Fact, Link, Menu, Page

REPORTED = "reported.html"
STUDIES = "Studies"
HERE = "here"


def suite_path(suite: Suite) -> str:
    """Where the page of a suite is, from the root of the site."""
    return f"suites/{text.slug(suite.name)}.html"


def method_path(name: str) -> str:
    """Where the page of a method is, from the root of the site."""
    return f"methods/{text.slug(name)}.html"


def study_path(study: Study) -> str:
    """Where the page of a study is, from the root of the site."""
    return f"studies/{text.slug(study.name)}.html"


def ranks_path(suite: Suite) -> str:
    """Where the ranks of a board are, from the root of the site; pages of methods read them from there."""
    return f"data/ranks/{text.slug(suite.name)}.js"


def row_key(entry: Entry) -> str:
    """What a row is called in the file of its board's ranks."""
    return str(entry.row.cells[0])


def page(title: str, description: str, site: Site, *, root: str = "", here: Suite | Study | str | None = None) -> Page:
    """The head of a page; ``root`` leads from it to the root of the site, ``here`` is what it is the page of."""
    menus = [
        _menu(name, [(b.suite.title, root + suite_path(b.suite), b.suite is here) for b in boards])
        for name, boards in site.families().items()
    ]
    if site.studies:
        menus.append(_menu(STUDIES, [(s.title, root + study_path(s), s is here) for s in site.studies]))
    published = Link("Published numbers", root + REPORTED, HERE if here == REPORTED else "") if site.reported else None
    name = f"{title} · trustdm" if title != "trustdm" else title
    return Page(name, title, description, root, tuple(menus), published)


def _menu(title: str, links: Iterable[tuple[str, str, bool]]) -> Menu:
    made = tuple(Link(label, href, HERE if own else "") for label, href, own in links)
    return Menu(title, made, any(link.detail for link in made))


def fact(term: str, value: object, *, code: bool = False) -> Fact | None:
    """A fact, with the addresses in it as links; None where there is nothing to say."""
    words = str(value).strip() if value is not None else ""
    return Fact(term, text.linked(words), code) if words else None


def facts(*offered: Fact | None) -> tuple[Fact, ...]:
    """Those facts that say something."""
    return tuple(f for f in offered if f is not None)


def worded(lines: Iterable[FactWords]) -> tuple[Fact, ...]:
    """Facts that a view says, each term once."""
    by_term = {line.term: line for line in lines if line.words}
    return tuple(Fact(it.term, text.linked(it.words), it.code) for it in by_term.values())
