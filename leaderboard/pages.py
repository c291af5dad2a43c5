"""What all pages share: the navigation, the words for a suite, facts from values."""

from __future__ import annotations

from collections.abc import Sequence

from trustdm.bench.suite import Suite
from trustdm.leaderboard import text
from trustdm.leaderboard.queries import Board
from trustdm.leaderboard.views import Fact, Link, Page

NORMS = {"linf": "ℓ∞", "l2": "ℓ2"}


def suite_path(suite: Suite) -> str:
    """Where the page of a suite is, from the root of the site."""
    return f"suites/{text.slug(suite.name)}.html"


def method_path(name: str) -> str:
    """Where the page of a method is, from the root of the site."""
    return f"methods/{text.slug(name)}.html"


def page(title: str, description: str, boards: Sequence[Board], *, root: str = "", here: Suite | None = None) -> Page:
    """The head of a page; ``root`` leads from it to the root of the site, ``here`` is the board it belongs to."""
    links = tuple(Link(b.suite.name, root + suite_path(b.suite), "here" if b.suite is here else "") for b in boards)
    return Page(f"{title} · trustdm" if title != "trustdm" else title, title, description, root, links)


def budget(suite: Suite) -> str:
    """The budget in words."""
    return (
        f"{NORMS.get(suite.adversary.norm, suite.adversary.norm)} norm at most {suite.adversary.eps} of the pixel range"
    )


def adversary(suite: Suite) -> str:
    """One line on who attacks: what it may do, and how much it knows (in short)."""
    what = "every pixel" if suite.adversary.norm == "linf" else "the image, in Euclidean length,"
    return f"The adversary knows the method and may change {what} by at most {suite.adversary.eps} of its range."


def fact(term: str, value: object, *, code: bool = False) -> Fact | None:
    """A fact, with the addresses in it as links; None where there is nothing to say."""
    words = str(value).strip() if value is not None else ""
    return Fact(term, text.linked(words), code) if words else None


def facts(*found: Fact | None) -> tuple[Fact, ...]:
    """Those facts that say something."""
    return tuple(f for f in found if f is not None)
