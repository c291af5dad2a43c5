"""What an earlier build left in a site, piece by piece: what each was made from, and its files.

A piece (the page of a board, all about one method, the front page) is made again only where what it is made from has
changed, or one of its files is gone.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from trustdm.bench.hashing import canonical_json
from trustdm.bench.summary.cache import code_stamp
from trustdm.bench.tasks.contract import Task
from trustdm.leaderboard import swap

MANIFEST = "data/manifest.json"
FORMAT = 2
HERE = Path(__file__).resolve().parent
KINDS = (".py", ".html", ".css", ".js")
PLACES = ("index.html", "reported.html", "assets", "data", "methods", "studies", "suites")
"""Where the files of a site lie, from its root."""


@dataclass(frozen=True)
class Piece:
    """``stamp``: what it was made from; ``files``: the size of each by path; ``facts``: what others need of it."""

    stamp: str
    files: Mapping[str, int] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)

    def there(self, out: Path) -> bool:
        """Whether its files lie in the site, as far as their sizes tell."""
        return all((out / path).is_file() and (out / path).stat().st_size == size for path, size in self.files.items())


def read(out: Path) -> tuple[dict[str, Piece], set[str]]:
    """The pieces of the site in ``out``, and every path that an earlier build wrote; nothing where there is none."""
    known = _manifest(out)
    if known is None:
        return {}, set()
    form, pieces = known
    return pieces if form == FORMAT else {}, {path for piece in pieces.values() for path in piece.files}


def owned(out: Path) -> bool:
    """Whether an earlier build wrote into ``out``, or began to."""
    return _manifest(out) is not None or swap.interrupted(out)


def foreign(out: Path) -> str:
    """A path in ``out`` of a file that no build wrote and that lies where those of a site do; empty if none does."""
    if owned(out):
        return ""
    for place in PLACES:
        if os.path.lexists(out / place) and not (out / place).is_dir():
            return place
        for folder, _, files in os.walk(out / place):
            if files:
                return (Path(folder) / min(files)).relative_to(out).as_posix()
    return ""


def _manifest(out: Path) -> tuple[object, dict[str, Piece]] | None:
    """Format and pieces; None where there is no manifest of a site: another program may have a file of that name."""
    try:
        raw = json.loads((out / MANIFEST).read_bytes())
        pieces = {str(k): Piece(str(v["stamp"]), dict(v["files"]), dict(v["facts"])) for k, v in raw["pieces"].items()}
        return raw["format"], pieces
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def text(pieces: Mapping[str, Piece]) -> bytes:
    """The file that ``read`` reads."""
    listed = {k: {"stamp": p.stamp, "files": dict(p.files), "facts": dict(p.facts)} for k, p in pieces.items()}
    return (json.dumps({"format": FORMAT, "pieces": listed}, indent=0, sort_keys=True) + "\n").encode()


def stamp(*parts: object) -> str:
    """A hash of what a piece is made from: plain values."""
    return hashlib.sha256(canonical_json(parts).encode()).hexdigest()


def code(tasks: Iterable[Task]) -> str:
    """A hash of the code that makes pages of suites of these tasks."""
    return stamp(_own(), sorted(code_stamp(task) for task in tasks))


@cache
def _own() -> str:
    total = hashlib.sha256()
    for path in sorted(p for p in HERE.rglob("*") if p.suffix in KINDS):
        total.update(path.relative_to(HERE).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return total.hexdigest()
