"""The tables that the code believes in are those that the migrations make."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import sqlalchemy
from sqlalchemy import Connection, create_engine, event, inspect
from sqlalchemy.dialects import postgresql
from sqlalchemy.pool import StaticPool

from trustdm.bench.store import migrations, schema
from trustdm.bench.store.store import Store
from trustdm.bench.types import Block


def described(connection: Connection) -> dict[str, Any]:
    """All that a database says about its tables."""
    look, found = inspect(connection), dict[str, Any]()
    for name in look.get_table_names():
        columns = [(c["name"], str(c["type"]), c["nullable"], c["default"] is None) for c in look.get_columns(name)]
        found[name] = {
            "columns": columns,
            "key": look.get_pk_constraint(name)["constrained_columns"],
            "unique": sorted((str(u["name"]), u["column_names"]) for u in look.get_unique_constraints(name)),
            "checks": sorted((str(c["name"]), "".join(c["sqltext"].split())) for c in look.get_check_constraints(name)),
            "foreign": sorted(
                (f["constrained_columns"], f["referred_table"], f["referred_columns"])
                for f in look.get_foreign_keys(name)
            ),
            "indexes": sorted(str(i["name"]) for i in look.get_indexes(name)),
            "rowless": rowless(connection, name),
        }
    return found


def rowless(connection: Connection, name: str) -> bool:
    sql = connection.exec_driver_sql(f"SELECT sql FROM sqlite_master WHERE name = '{name}'").scalar_one()
    return str(sql).rstrip().endswith("WITHOUT ROWID")


def in_memory() -> sqlalchemy.Engine:
    return create_engine("sqlite://", poolclass=StaticPool)


def test_the_migrations_make_the_tables_of_the_code() -> None:
    with in_memory().begin() as ours, in_memory().begin() as theirs:
        while migrations.step(ours):
            pass
        schema.metadata.create_all(theirs)
        made, wanted = described(ours), described(theirs)
        assert made.keys() == wanted.keys() == set(schema.metadata.tables)
        for name in wanted:
            assert made[name] == wanted[name]


def test_the_server_agrees(store: Store) -> None:
    """Every column that the code names is there, on whatever database."""
    with store.database.reading() as connection:
        for table in schema.metadata.sorted_tables:
            assert connection.execute(sqlalchemy.select(table)).keys() == [c.name for c in table.c]


def test_records_have_no_rowid_and_exact_floats() -> None:
    with in_memory().begin() as connection:
        migrations.step(connection)
        types = {c["name"]: str(c["type"]) for c in inspect(connection).get_columns("record")}
        assert (types["value"], types["norm"]) == ("NULL", "NULL")
        assert rowless(connection, "record")
        assert not rowless(connection, "block")
    assert str(schema.record.c.value.type.compile(postgresql.dialect())) == "DOUBLE PRECISION"


GROWING = "cell|later|block|record|run|run_fact|artefact|diagnostic|shard|asset|cell_asset"
LOOKUPS: dict[str, Callable[[Store, ModuleType], object]] = {
    "a cell": lambda store, _: store.get_cell(1),
    "a cell by its identity": lambda store, sample: sample.cell(store),
    "another attempt": lambda store, sample: sample.cell(store, fresh=True),
    "blocks": lambda store, _: store.blocks(1),
    "records": lambda store, _: store.records(1),
    "arrays": lambda store, _: store.artefact(1, 0, "labels"),
    "runs": lambda store, _: store.runs(1),
    "assets": lambda store, _: store.assets(1),
    "a commit": lambda store, sample: store.commit(
        2, sample.row(Block(8, 16)), sample.records(Block(8, 16)), {"n": 1.0}, {"x": np.ones(2)}
    ),
    "weights": lambda store, _: store.set_state_digest(2, "a" * 64),
}


@pytest.mark.parametrize("name", LOOKUPS)
def test_a_lookup_scans_no_large_table(tmp_path: Path, sample: ModuleType, name: str) -> None:
    """As SQLite explains it; of the corrections, which are few, it walks along the index."""
    with Store.open(tmp_path / "bench.db") as store:
        sample.fill(store)
        sent: list[tuple[str, Any]] = []

        def note(_: object, __: object, statement: str, parameters: Any, *rest: object) -> None:
            sent.append((statement, parameters))

        event.listen(store.database.engine, "before_cursor_execute", note)
        LOOKUPS[name](store, sample)
        event.remove(store.database.engine, "before_cursor_execute", note)
        with closing(sqlite3.connect(tmp_path / "bench.db")) as connection:
            steps = [
                f"{step}: {statement}"
                for statement, parameters in sent
                if statement.startswith(("SELECT", "DELETE", "UPDATE", "WITH"))
                for *_, step in connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            ]
    scans = [step for step in steps if re.match(rf"SCAN ({GROWING})\b(?!.*INDEX cell_correction)", step)]
    assert steps and scans == []
