"""What a row is called, so that no two rows of a board have one name."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from trustdm.bench.hashing import canonical_json
from trustdm.bench.printable import printable
from trustdm.bench.summary.row import Row
from trustdm.leaderboard import text

LONGEST = 90
PARAMS = 48
DIGITS = 6


@dataclass(frozen=True, slots=True)
class Named:
    """A row with what else tells it from others: its ``weights`` (a hex digest)."""

    row: Row
    weights: str = ""


def title(row: Row) -> str:
    """The title on the card, or the name."""
    return printable(str(row.card.get("title") or row.method))


def params(row: Row) -> str:
    """The parameters that tell the variant as "width=4,depth=2"."""
    return _text(row.shown)


def _text(pairs: Sequence[tuple[str, object]]) -> str:
    return ",".join(f"{k}={v if isinstance(v, str) else canonical_json(v)}" for k, v in pairs)


def weights(digests: Sequence[str]) -> str:
    """One hex digest for the checkpoints of a method; empty where it has none."""
    return digests[0] if len(digests) == 1 else _digest("".join(digests))


def suffixes(rows: Sequence[Named]) -> list[str]:
    """What follows the title of each row of a board: its parameters (":width=4" after a name, ", width=4" after a
    title), and where names are equal still, the first distinctions that tell them apart, such as "(v2)",
    "(weights 4fb240)", "(imported)"."""
    added = [_params(it.row, [other.row for other in rows]) for it in rows]
    for say in DISTINCTIONS:
        equal: dict[str, list[int]] = defaultdict(list)
        for at, it in enumerate(rows):
            equal[name(it.row, added[at])].append(at)
        for places in equal.values():
            said = {at: say(rows[at]) for at in places}
            if len(set(said.values())) > 1:
                for at, words in said.items():
                    added[at] += f" ({words})" if words else ""
    return added


def name(row: Row, suffix: str) -> str:
    """The title with its suffix, the title cut where both would be too long."""
    return text.shorten(title(row), max(LONGEST // 4, LONGEST - len(suffix))) + suffix


def _params(row: Row, board: Sequence[Row]) -> str:
    """The parameters of a row; where these are long, those in which rows of its title differ. Its page has them all."""
    words = printable(params(row))
    if len(words) > PARAMS:
        alike = [dict(other.shown) for other in board if title(other) == title(row)]
        differing = [(k, v) for k, v in row.shown if any(other.get(k) != v for other in alike)]
        words = text.shorten(printable(_text(differing)), PARAMS)
    return f"{':' if title(row) == row.method else ', '}{words}" if words else ""


def _digest(words: str) -> str:
    return hashlib.sha256(words.encode("utf-8", "surrogatepass")).hexdigest() if words else ""


def _short(words: str, digest: str) -> str:
    return f"{words} {digest[:DIGITS]}" if digest else f"no {words}"


DISTINCTIONS: tuple[Callable[[Named], str], ...] = (
    lambda it: text.shorten(printable(it.row.method), PARAMS),
    lambda it: _short("parameters", _digest(params(it.row))),
    lambda it: _short("all parameters", _digest(_text(it.row.params))),
    lambda it: f"v{it.row.method_version}",
    lambda it: f"seed {it.row.seed}",
    lambda it: "" if it.row.own else "imported",
    lambda it: "" if it.row.own else printable(it.row.measured_by),
    lambda it: _short("weights", it.weights),
    lambda it: f"suite version {it.row.suite_version}",
    lambda it: "" if it.row.currency == "current" else it.row.currency,
    lambda it: f"cell {it.row.cells[0]}",
)
