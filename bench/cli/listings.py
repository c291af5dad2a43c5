"""The other tables of the terminal: suites, plugins, published numbers, what a run would do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from trustdm.bench.cli.boards import FIRST_VERSION, typed
from trustdm.bench.cli.layout import Cell, Column, Grid, plain, prose, whole, words
from trustdm.bench.registry import Entry
from trustdm.bench.shipped import untested
from trustdm.bench.suite.load import Suite

if TYPE_CHECKING:
    from trustdm.bench.reported import ReportedRow, Source
    from trustdm.bench.runner.units import CellEstimate

READABLE = 24
"""Narrower columns of sentences are left out."""
LIST = "trustdm list --wide"


def suites(found: Sequence[Suite]) -> Grid:
    """Suites with what they ask and their sizes."""
    state = ["untested at full size" if untested(s) else "" for s in found]
    columns = (
        Column("name", _each(s.name for s in found), "name"),
        Column("version", _each(s.version for s in found), order=4, usual=FIRST_VERSION),
        Column("task", tuple(words(s.task.asks(s)) for s in found), "prose", order=1),
        Column("demo / full", tuple((f"{s.size.demo or 'none'} / ", str(s.size.full)) for s in found), order=2),
        Column("title", tuple(prose(s.title) for s in found), "prose", order=5, floor=READABLE),
        Column("state", tuple(map(words, state)), "prose", order=3, under=True),
    )
    return Grid("suites", columns, LIST)


def plugins(kind: str, entries: Sequence[Entry]) -> Grid:
    """Registered plugins of a kind."""
    columns = (
        Column("name", _each(e.name for e in entries), "name"),
        Column("version", _each(e.card.version for e in entries), order=1, usual=FIRST_VERSION),
        Column("what it is", tuple(prose(e.card.summary) for e in entries), "prose", floor=READABLE),
    )
    return Grid(f"{kind[:-1]}ies" if kind.endswith("y") else f"{kind}s", columns, LIST)


def reported(name: str, rows: Sequence[ReportedRow]) -> Grid:
    """Published numbers; their sources and protocols are numbered and stand beneath, then what the flags mean."""
    from trustdm.bench.reported import labels

    groups = list(dict.fromkeys((row.source, row.protocol) for row in rows))
    places = [f"[{1 + groups.index((row.source, row.protocol))}]" for row in rows]
    said = [", ".join(part for part in (row.told, row.says and f"says: {row.says}") if part) for row in rows]
    columns = (
        Column("system", tuple(prose(row.system) for row in rows), "name"),
        Column("variant", tuple(map(prose, said)), "prose", order=1, under=True),
        Column("metric", tuple(words(row.words) for row in rows), "prose"),
        Column("value", _each(row.printed for row in rows)),
        Column("n", _each("" if row.n is None else row.n for row in rows), order=3),
        Column("source", _each(places), order=2),
        Column("flags", tuple(words(" ".join(row.flags)) for row in rows), "prose", order=4, under=True),
        Column("remark", tuple(prose(row.note) for row in rows), "prose", extra=True),
    )
    notes = [f"[{place}] {_protocol(source, protocol)}" for place, (source, protocol) in enumerate(groups, 1)]
    flags = [f"{flag}: {meaning}" for flag, meaning in labels([flag for row in rows for flag in row.flags])]
    title = f"{name}: reported, not measured here"
    return Grid(title, columns, f"trustdm show {name} --reported --wide", tuple(map(plain, [*notes, *flags])))


def _protocol(source: Source, protocol: Sequence[tuple[str, str]]) -> str:
    """Where numbers stand, and what is said of how they came about."""
    said = "; ".join(f"{term} {words}" for term, words in protocol if words)
    return f"{source.citation}: {source.where}" + (f". Protocol: {said}" if said else "")


def estimates(found: Sequence[CellEstimate], jobs: int) -> Grid:
    """What a run would do and at most take."""
    times = ["unknown" if e.seconds is None else duration(e.seconds) for e in found]
    memory = [f"{e.memory / 2**20:.0f} MiB" if e.memory else "" for e in found]
    columns = (
        Column("cell", tuple(map(_cell, found)), "name"),
        Column("blocks", _each(e.blocks for e in found), order=3),
        Column("examples", _each(e.examples for e in found), order=1),
        Column("forwards", _each(f"{e.forwards:,}" for e in found), order=2),
        Column("gradients", _each(f"{e.gradients:,}" for e in found), order=4),
        Column("time", _each(times)),
        Column("memory", _each(memory), order=5),
    )
    total = sum(e.seconds or 0.0 for e in found)
    each = f", about {duration(total / jobs)} on {jobs}" if jobs > 1 else ""
    unknown = sum(e.seconds is None for e in found)
    beside = f", and {unknown} cells whose time is unknown" if unknown else ""
    note = f"about {duration(total)} on one worker{each}{beside}; if nothing stops early; loading not counted"
    return Grid("would run (passes at most)", columns, "a wider terminal", (note,))


def _cell(found: CellEstimate) -> Cell:
    """A cell as it is called, in pieces."""
    method = typed(found.cell.spec.name, found.cell.spec.params)
    return (f"{found.cell.suite.name} / ", *method[:-1], f"{method[-1]} / ", found.cell.identity.evaluation)


def _each(texts: Iterable[object]) -> tuple[Cell, ...]:
    return tuple(map(whole, texts))


def duration(seconds: float) -> str:
    """12 s, 3.5 min, 2.1 h."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 3600 else f"{seconds / 3600:.1f} h"
