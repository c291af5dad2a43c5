"""Whatever of a database is exported and was changed in the file is found by a check, in one line each."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import ModuleType

import pytest

from trustdm.bench.cli.main import main
from trustdm.bench.errors import TrustdmError
from trustdm.bench.store import runfiles, sealing
from trustdm.bench.store.store import Store

GOLDEN = Path(__file__).parents[2] / "golden"


@pytest.fixture
def path(tmp_path: Path, sample: ModuleType) -> Path:
    with Store.open(tmp_path / "bench.db") as store:
        sample.fill(store)
        store.name_lab(store.lab, "here")
    with closing(sqlite3.connect(tmp_path / "bench.db", isolation_level=None)) as connection:
        for words in ("PRAGMA journal_mode = DELETE", "PRAGMA page_size = 1024", "VACUUM"):
            connection.execute(words)
    return tmp_path / "bench.db"


def check(path: Path) -> list[str]:
    """The problems, as the command line would print them."""
    try:
        with Store.open(path, read_only=True) as store:
            return store.check()
    except TrustdmError as error:
        return [str(error)]


def change(path: Path, sql: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        assert connection.execute(sql).rowcount > 0


EDITS = {
    "UPDATE record SET value = value + 1": "cell 1, block 0..8: expected the digest ",
    "UPDATE record SET norm = 0.25 WHERE norm < 0.1": "cell 1, block 0..8: expected the digest ",
    "UPDATE record SET label = label + 1 WHERE block_id = 2": "cell 1, block 8..16: expected the digest ",
    "UPDATE suite SET content = replace(content, '1/10', '1/9')": "suite 1: expected the digest ",
    "UPDATE method SET card = replace(card, 'Plain', 'Best') WHERE id = 1": "method 1: digest: expected ",
    "UPDATE diagnostic SET value = 0": "cell 1, block 0..8: expected the digest ",
    "DELETE FROM diagnostic WHERE name = 'odd'": "cell 1, block 0..8: expected the digest ",
    "UPDATE artefact SET byte_offset = 8 WHERE name = 'labels'": "cell 1, block 0..8: expected the digest ",
    "UPDATE artefact SET dtype = '<f8' WHERE name = 'labels'": "cell 1, block 0..8: expected the digest ",
    "UPDATE block SET wall = wall / 2 WHERE id = 3": "cell 1, block 16..32: expected the digest ",
    "UPDATE block SET error = 'none' WHERE id = 5": "cell 3, block 0..8: expected the digest ",
    "UPDATE cell SET code_digest = 'code-9' WHERE id = 2": "cell 2: expected the digest ",
    "UPDATE cell SET verification = 'verified' WHERE id = 2": "cell 2: expected the digest ",
    "UPDATE cell SET supersedes = NULL": "cell 2: expected the digest ",
    "UPDATE cell SET created = '2020-01-01T00:00:00+00:00' WHERE id = 1": "cell 1: expected the digest ",
    "UPDATE cell SET origin = 'reported' WHERE id = 1": "cell 1: expected the digest ",
    "UPDATE run SET exit_code = 2 WHERE id = 'run-1'": "run run-1: expected the digest ",
    "UPDATE run_fact SET value = 'b'": "run run-1: expected the digest ",
    "UPDATE asset SET bytes = 5 WHERE code_digest = 'code-2'": "asset ",
    "DELETE FROM cell_asset WHERE name = 'weights'": "cell 3: expected the digest ",
    "UPDATE lab SET id = '00000000000000000000000000000000'": "labs: expected the digest ",
    "UPDATE lab_name SET name = 'there'": "labs: expected the digest ",
    "DELETE FROM block_seal WHERE block_id = 3": "expected the digest that was noted when it was stored, got none",
    "UPDATE schema_version SET version = 4": "schema_version: expected 5 or more",
    "UPDATE cell SET origin = 'guessed' WHERE id = 1": "'guessed' is not a valid Origin",
    "UPDATE cell SET identity = 'x' WHERE id = 1": "cell 1: expected the digest ",
    "UPDATE record SET label = 'abc' WHERE block_id = 3 AND draw = 1": "expected data as they were stored",
    "UPDATE artefact SET shape = '['": "cell 1, block 0..8: expected the digest ",
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_is_found(path: Path, edit: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(path) == []
    change(path, edit)
    found = check(path)
    assert any(EDITS[edit] in line for line in found), found
    assert all("\n" not in line for line in found)
    assert main(["db", "check", "--db", str(path)]) == 1
    assert EDITS[edit] in capsys.readouterr().err


WHOLE = ("record", "diagnostic", "artefact", "block_seal", "block")


@pytest.mark.parametrize("with_seal", [False, True])
def test_a_block_that_was_deleted_whole_is_found(path: Path, with_seal: bool) -> None:
    for table in WHOLE if with_seal else (t for t in WHOLE if t != "block_seal"):
        change(path, f"DELETE FROM {table} WHERE {'id' if table == 'block' else 'block_id'} = 2")
    assert "cell 1: expected the 3 blocks that were committed, got 2" in check(path)


def test_blocks_that_changed_places_are_found(path: Path) -> None:
    change(path, "UPDATE block SET start = 64, stop = 72 WHERE id = 1")
    change(path, "UPDATE block_seal SET digest = lower(hex(randomblob(32))) WHERE block_id = 1")
    assert "cell 1: expected the blocks that were committed, got others in their place" in check(path)


def test_a_cell_that_was_deleted_whole_is_found(path: Path) -> None:
    for sql in ("record WHERE cell_id = 2", "block_seal WHERE block_id = 4", "block WHERE id = 4", "cell WHERE id = 2"):
        change(path, f"DELETE FROM {sql}")
    assert "cell 2: expected it as it was stored, got none" in check(path)


def exported(path: Path, out: Path) -> object:
    with Store.open(path, read_only=True) as store:
        runfiles.export(store, out)
        labs = [(lab.id, lab.name, lab.own) for lab in store.labs()]
    files = {p.relative_to(out).as_posix(): p.read_bytes() for p in out.rglob("*") if p.is_file()}
    shutil.rmtree(out)
    return files, labs


def flips(path: Path, number: int, out: Path, checked: Callable[[Path], list[str]]) -> tuple[int, int]:
    """How many of so many single flipped bits are found, and how many change nothing that is exported."""
    whole, truth, random_bits = path.read_bytes(), exported(path, out), random.Random(0)
    found = 0
    for _ in range(number):
        at, bit = random_bits.randrange(len(whole)), random_bits.randrange(8)
        damaged = bytearray(whole)
        damaged[at] ^= 1 << bit
        path.write_bytes(damaged)
        lines = checked(path)
        assert all("\n" not in line for line in lines)
        if lines:
            found += 1
        else:
            assert exported(path, out) == truth, f"byte {at}, bit {bit}: no problem, and another export"
    return found, number - found


@pytest.mark.parametrize("number", [60, pytest.param(800, marks=pytest.mark.slow)])
def test_a_flipped_bit_is_found_or_changes_nothing(path: Path, tmp_path: Path, number: int) -> None:
    found, harmless = flips(path, number, tmp_path / "out", check)
    assert found > number // 5 and harmless > number // 5


def test_an_older_database_is_sealed_when_it_is_brought_up(tmp_path: Path) -> None:
    shutil.copy(GOLDEN / "v4.db", tmp_path / "bench.db")
    shutil.copytree(GOLDEN / "v4.artefacts", tmp_path / "artefacts")
    path = tmp_path / "bench.db"
    with Store.open(path, read_only=True) as store, store.database.reading() as connection:
        assert "a database of schema 4 has none" in sealing.notes(connection)[0]
    Store.open(path).close()
    with Store.open(path) as store, store.database.reading() as connection:
        assert store.check() == []
        (note,) = sealing.notes(connection)
        assert note.startswith("changes before 20") and note.endswith("the digests of older results were computed then")
    change(path, "UPDATE record SET value = value + 1")
    assert check(path) != []


def test_a_new_database_has_nothing_to_say(path: Path) -> None:
    with Store.open(path, read_only=True) as store, store.database.reading() as connection:
        assert sealing.notes(connection) == []


def test_what_cannot_be_read_when_it_is_brought_up_is_named_later(tmp_path: Path) -> None:
    shutil.copy(GOLDEN / "v4.db", tmp_path / "bench.db")
    shutil.copytree(GOLDEN / "v4.artefacts", tmp_path / "artefacts")
    change(tmp_path / "bench.db", "UPDATE record SET label = 'abc' WHERE block_id = 3 AND draw = 1")
    Store.open(tmp_path / "bench.db").close()
    assert any(line.startswith("cell 1: expected data as they were stored") for line in check(tmp_path / "bench.db"))
