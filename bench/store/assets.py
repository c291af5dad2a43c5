"""Prepared assets in the database: which there are, and which cells were computed from which content."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from trustdm.bench.errors import CodeChanged
from trustdm.bench.store import migrations, schema, seals
from trustdm.bench.store.rows import AssetRow
from trustdm.bench.types import Cost

FIRST_SCHEMA = 3
"""The schema that has them; an older database that is only read has none."""


def add(connection: Connection, row: AssetRow) -> None:
    """Stores an asset; one of that key and content that is there already stays as it is."""
    table = schema.asset
    there = select(table.c.key).where(table.c.key == row.key, table.c.content == row.content)
    if connection.execute(there).first() is None:
        cost = {"wall": row.cost.wall, "device_time": row.cost.device, "memory": row.cost.memory}
        cost |= {"forwards": row.cost.forwards, "gradients": row.cost.gradients}
        values = {"key": row.key, "content": row.content, "identity": row.identity, "code_digest": row.code_digest}
        connection.execute(insert(table).values(**values, bytes=row.bytes, **cost))
        seals.asset(connection, row.key, row.content)


def link(connection: Connection, cell_id: int, assets: Mapping[str, AssetRow]) -> None:
    """Notes what a cell is computed from, once; the assets are stored as well.

    Raises:
        CodeChanged: blocks of the cell were computed from another content, and the two must not be mixed.
    """
    stored = of_cell(connection, cell_id)
    added = assets.keys() - stored.keys()
    for name, row in sorted(assets.items()):
        if name not in stored:
            add(connection, row)
            values = {"cell_id": cell_id, "name": name, "key": row.key, "content": row.content}
            connection.execute(insert(schema.cell_asset).values(**values))
        elif (stored[name].key, stored[name].content) != (row.key, row.content):
            raise CodeChanged(
                f"asset {name}: expected content {stored[name].content[:12]}, as this cell was started with, got "
                f"{row.content[:12]}; restore it, or start anew with --fresh"
            )
    if added:
        seals.cell(connection, cell_id)


def of_cell(connection: Connection, cell_id: int) -> dict[str, AssetRow]:
    """The assets of a cell, by the name that its protocol gives them."""
    if migrations.version(connection) < FIRST_SCHEMA:
        return {}
    asset, used = schema.asset.c, schema.cell_asset.c
    both = (asset.key == used.key) & (asset.content == used.content)
    query = select(used.name, *schema.asset.c).join_from(schema.cell_asset, schema.asset, both)
    rows = connection.execute(query.where(used.cell_id == cell_id).order_by(used.name))
    return {row.name: _asset(row) for row in rows}


def rows(connection: Connection) -> list[AssetRow]:
    """Every asset, by key and content."""
    if migrations.version(connection) < FIRST_SCHEMA:
        return []
    table = schema.asset
    return [_asset(row) for row in connection.execute(select(table).order_by(table.c.key, table.c.content))]


def names(connection: Connection) -> dict[int, list[str]]:
    """What every cell that was computed from assets was computed from, "name/content" each, by its id."""
    if migrations.version(connection) < FIRST_SCHEMA:
        return {}
    used, texts = schema.cell_asset.c, dict[int, list[str]]()
    query = select(used.cell_id, used.name, used.content).order_by(used.cell_id, used.name)
    for cell_id, name, content in connection.execute(query):
        texts.setdefault(cell_id, []).append(f"{name}/{content}")
    return texts


def _asset(row: Row[Any]) -> AssetRow:
    cost = Cost(row.wall, row.device_time, row.forwards, row.gradients, row.memory)
    return AssetRow(row.key, row.content, row.identity, row.code_digest, row.bytes, cost)
