"""Every kind of damage that ``check`` promises to see, done by hand and seen."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import ModuleType

import pytest

from trustdm.bench.store.store import Store

Check = Callable[[Path], list[str]]


@pytest.fixture
def path(tmp_path: Path, sample: ModuleType) -> Path:
    with Store.open(tmp_path / "bench.db") as store:
        sample.fill(store)
    return tmp_path / "bench.db"


@pytest.fixture
def check(sample: ModuleType) -> Check:
    def checked(path: Path) -> list[str]:
        with Store.open(path, read_only=True) as store:
            return list(store.check(sample.Margins()))

    return checked


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("DELETE FROM record WHERE block_id = 2 AND example % 5 = 0", "cell 1, block 8..16: expected 24 records, got "),
        ("DELETE FROM record WHERE block_id = 2", "cell 1, block 8..16: expected 24 records, got 0"),
        ("DELETE FROM block WHERE id = 2", "24 records of block 2: expected such a block"),
        ("UPDATE block SET stop = 15 WHERE id = 2", "expected 7 records of each probe and draw, got [8]"),
        (
            "UPDATE block SET start = 4 WHERE id = 2",
            "cell 1, block 4..16: expected to start at 8 or later, got an overlap",
        ),
        ("UPDATE cell SET planned = 20 WHERE id = 1", "cell 1, block 16..32: expected to end at 20 at most"),
        ("UPDATE cell SET key = 'x' WHERE id = 3", "cell 3: key: expected "),
        ("UPDATE cell SET identity = replace(identity, 'float32', 'float16') WHERE id = 1", "cell 1: key: expected "),
        (
            "UPDATE cell SET supersedes = 3 WHERE id = 2",
            "supersedes: expected another attempt at the same cell by its lab, got cell 3",
        ),
        (
            "UPDATE cell SET supersedes = 2 WHERE id = 2",
            "supersedes: expected another attempt at the same cell by its lab, got cell 2",
        ),
        ("UPDATE cell SET lab = 'x' WHERE id = 2", "supersedes: expected another attempt at the same cell by its lab"),
        (
            "UPDATE record SET status = 0 WHERE status = 1 AND block_id = 2",
            "cell 1, block 8..16, records: probe 'clean', draw 0, example ",
        ),
        ("UPDATE record SET label = 3 WHERE block_id = 5", "status failed: expected no label, got 3"),
        ("UPDATE cell SET method_id = 1 WHERE id = 3", "cell 3: card: expected that of other 2, got plain"),
        ("DELETE FROM method WHERE id = 1", "cells: expected each with its suite and method, got 2 without"),
        ("DELETE FROM run WHERE id = 'run-1'", "expected a row of run that it refers to, got none"),
        ("DELETE FROM probe WHERE name = 'clean'", "record: row without number: expected a row of probe"),
        ("DELETE FROM probe WHERE name = 'clean'", "cell 1: probe 1: expected the name that its records refer to"),
        ("DELETE FROM shard", "expected to lie within its shard, got beyond its end"),
        (
            "UPDATE artefact SET nbytes = 99999 WHERE block_id = 1 AND name = 'x_adv'",
            "artefact 'x_adv': expected to lie",
        ),
    ],
)
def test_damage_in_the_database_is_seen(path: Path, check: Check, damage: str, message: str) -> None:
    assert check(path) == []
    with closing(sqlite3.connect(path)) as connection, connection:
        assert connection.execute(damage).rowcount > 0
    found = check(path)
    assert any(message in line for line in found), found
    assert all("\n" not in line for line in found)


def test_a_damaged_index_is_seen(path: Path, check: Check) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("CREATE INDEX extra ON block (device)")
        connection.execute("UPDATE sqlite_master SET sql = 'CREATE INDEX extra ON block (error)' WHERE name = 'extra'")
    assert any(line.startswith("integrity: ") for line in check(path))


def remove(shard: Path) -> None:
    shard.unlink()


def cut(shard: Path) -> None:
    shard.write_bytes(shard.read_bytes()[:-1])


def change(shard: Path) -> None:
    shard.write_bytes(b"\xff" + shard.read_bytes()[1:])


@pytest.mark.parametrize(
    ("damage", "message"),
    [(remove, "no such file"), (cut, "bytes, got"), (change, "expected bytes with the SHA-256 of its name")],
)
def test_damage_in_the_shards_is_seen(path: Path, check: Check, damage: Callable[[Path], None], message: str) -> None:
    damage(next((path.parent / "artefacts").glob("??/*.bin")))
    (line,) = check(path)
    assert message in line


def test_a_store_without_the_folder_of_its_shards(path: Path) -> None:
    with Store.open(f"sqlite:///file:{path}?uri=true") as store:
        assert store.check() == ["artefacts: expected a folder with 3 shards, got none; say where they are"]
