"""Whose measurements a store holds: its own, and those of other stores ("labs"), which can be given names."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, insert, select

from trustdm.bench.errors import UsageError
from trustdm.bench.store import migrations, schema, seals, writing

FIRST_SCHEMA = 4
"""The schema that has names; in an older database that is only read no lab has one."""
NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 ._-]{0,38}[A-Za-z0-9.])?")


@dataclass(frozen=True)
class Lab:
    """A store that measured something: its ``id`` (32 hex digits), whether it is this one, how many cells it has here.

    ``name`` is what this store calls it; empty where nobody named it.
    """

    id: str
    name: str
    own: bool
    cells: int


def names(connection: Connection) -> dict[str, str]:
    """The names that were given, by the id of the lab."""
    if migrations.version(connection) < FIRST_SCHEMA:
        return {}
    table = schema.lab_name.c
    return {row.lab: row.name for row in connection.execute(select(table.lab, table.name))}


def every(connection: Connection) -> list[Lab]:
    """This store, then every other lab whose cells it has or that was named, by id."""
    own, called, cell = writing.lab(connection), names(connection), schema.cell.c
    counted = select(cell.lab, func.count()).group_by(cell.lab)
    counts = {lab: cells for lab, cells in connection.execute(counted).all()}
    ids = sorted({own, *called, *counts}, key=lambda lab: (lab != own, lab))
    return [Lab(lab, called.get(lab, ""), lab == own, counts.get(lab, 0)) for lab in ids]


def name(connection: Connection, lab: str, words: str) -> Lab:
    """Gives a lab a name (empty: takes it away); ``lab`` is its id, or a beginning of it that only it has.

    Several may have one name: a group measures on several machines, each with a database of its own.

    Raises:
        UsageError: no lab or several begin so; a name that is no plain text.
    """
    labs = every(connection)
    meant = [known for known in labs if known.id.startswith(lab)] if lab else []
    if len(meant) != 1:
        known = ", ".join(other.id[:8] for other in labs)
        raise UsageError(f"lab {lab!r}: expected the beginning of the id of one lab ({known}), got {len(meant)} such")
    chosen = meant[0]
    if words and not NAME.fullmatch(words):
        raise UsageError(
            f"lab {chosen.id[:8]}: expected a name of 1 to 40 letters, digits, ' ', '.', '_', '-', got {words[:60]!r}"
        )
    put(connection, {chosen.id: words})
    return Lab(chosen.id, words, chosen.own, chosen.cells)


def put(connection: Connection, named: Mapping[str, str]) -> None:
    """Stores names by the id of the lab, in the place of earlier ones; an empty one is removed."""
    table = schema.lab_name
    connection.execute(delete(table).where(table.c.lab.in_(list(named))))
    for lab, words in named.items():
        if words:
            connection.execute(insert(table).values(lab=lab, name=words))
    seals.labs(connection)


def name_unnamed(connection: Connection, words: str, ids: Collection[str]) -> None:
    """Names other labs that have no name yet."""
    put(connection, dict.fromkeys(set(ids) - set(names(connection)) - {writing.lab(connection)}, words))
