"""The tables that the code believes in are those that the migrations make."""

from __future__ import annotations

from typing import Any

import sqlalchemy
from sqlalchemy import Connection, create_engine, inspect
from sqlalchemy.dialects import postgresql
from sqlalchemy.pool import StaticPool

from trustdm.bench.store import migrations, schema
from trustdm.bench.store.store import Store


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
