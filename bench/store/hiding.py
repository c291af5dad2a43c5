"""Cells that a store shows nowhere: each with a reason and the time since when. Nothing that was measured is removed.

A hidden cell is in no row, on no page and in no export, corrects no other cell, and is not resumed: the same run starts
anew. What hides is this store's own decision: no run file carries it, and an import of the same cell stays hidden.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, Select, delete, insert, select

from trustdm.bench.errors import UsageError
from trustdm.bench.store import migrations, schema, writing

SHORT = 8
"""Digits from which on a number is the beginning of a uid, and not an id."""
FIRST_SCHEMA = migrations.STEPS.index(migrations.HIDING) + 1
"""The schema that has them; in an older database that is only read nothing is hidden."""
LONGEST = 500


@dataclass(frozen=True)
class Hidden:
    """A hidden cell: its ``id`` here and ``uid`` everywhere, the names of its suite and method, why, and since when."""

    id: int
    uid: str
    suite: str
    method: str
    why: str
    since: str


def uids(connection: Connection) -> Select[tuple[str]] | list[str]:
    """The uids of hidden cells, to compare with in a query."""
    return [] if migrations.version(connection) < FIRST_SCHEMA else select(schema.hidden.c.uid)


def ids(connection: Connection) -> list[int]:
    """The ids of hidden cells."""
    cell = schema.cell.c
    return list(connection.execute(select(cell.id).where(cell.uid.in_(uids(connection)))).scalars())


def hidden(connection: Connection) -> list[Hidden]:
    """Every cell that is hidden, in the order they were created."""
    if migrations.version(connection) < FIRST_SCHEMA:
        return []
    cell, kept = schema.cell.c, schema.hidden.c
    columns = (cell.id, cell.uid, schema.suite.c.name, schema.method.c.name, kept.why, kept.since)
    query = select(*columns).join_from(schema.cell, schema.suite).join(schema.method)
    rows = connection.execute(query.join(schema.hidden, kept.uid == cell.uid).order_by(cell.id))
    return [Hidden(*row) for row in rows]


def hide(connection: Connection, cell: str, why: str) -> Hidden:
    """Hides the cell of that id or uid (or a beginning of the uid that only it has).

    Raises:
        UsageError: no such cell, one that is hidden already, or no reason.
    """
    words = " ".join(why.split())
    if not words or len(words) > LONGEST or not words.isprintable():
        raise UsageError(f"--why: expected a reason in 1 to {LONGEST} letters, got {why[:40]!r}")
    uid = _uid(connection, cell)
    if uid in {it.uid for it in hidden(connection)}:
        raise UsageError(f"cell {cell}: expected one that is shown, got one that is hidden already; see `db hidden`")
    connection.execute(insert(schema.hidden).values(uid=uid, why=words, since=writing.now()))
    return next(it for it in hidden(connection) if it.uid == uid)


def unhide(connection: Connection, cell: str) -> Hidden:
    """Shows a hidden cell again.

    Raises:
        UsageError: no such cell, or one that is not hidden.
    """
    uid = _uid(connection, cell)
    found = next((it for it in hidden(connection) if it.uid == uid), None)
    if found is None:
        raise UsageError(f"cell {cell}: expected one that is hidden, got one that is shown; see `db hidden`")
    connection.execute(delete(schema.hidden).where(schema.hidden.c.uid == uid))
    return found


def _uid(connection: Connection, cell: str) -> str:
    """The uid of the cell that is meant: a short number is an id, anything else the beginning of a uid."""
    table = schema.cell.c
    if cell.isdecimal() and len(cell) < SHORT:
        query = select(table.uid).where(table.id == int(cell))
    else:
        query = select(table.uid).where(table.uid.startswith(cell, autoescape=True))
    found = list(connection.execute(query.limit(2)).scalars()) if cell else []
    if len(found) != 1:
        got = "several" if found else "none"
        raise UsageError(
            f"cell {cell!r}: expected the id of a cell or the beginning of one uid, as run files and `db check` name "
            f"them, got {got} such"
        )
    return str(found[0])
