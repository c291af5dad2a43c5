"""What stands in the way of a database becomes one clear line; real limits, since tests may run as root."""

from __future__ import annotations

import resource
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from trustdm.bench.errors import StoreError
from trustdm.bench.store import migrations
from trustdm.bench.store.store import Store
from trustdm.bench.types import Block

Mount = Callable[[Path, str], None]


@pytest.fixture
def mount() -> Iterator[Mount]:
    """Mounts a small file system; unmounted at the end."""
    mounted: list[Path] = []

    def act(where: Path, options: str) -> None:
        where.mkdir(exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(where)]
        try:
            done = subprocess.run(command, capture_output=True, text=True)
        except OSError as error:
            pytest.skip(f"no `mount` here: {error}")
        if done.returncode:
            pytest.skip(f"mounting is not allowed here: {done.stderr.strip()}")
        if "remount" not in options:
            mounted.append(where)

    yield act
    for where in mounted:
        subprocess.run(["umount", "--lazy", str(where)], check=True)


def one_line(error: pytest.ExceptionInfo[StoreError], *words: str) -> None:
    message = str(error.value)
    assert "\n" not in message
    for word in words:
        assert word in message


def test_sqlite_is_set_up_to_lose_nothing(tmp_path: Path) -> None:
    with Store.open(tmp_path / "bench.db", timeout=7) as store, store.database.reading() as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "foreign_keys", "synchronous", "busy_timeout")
        }
    assert found == {"journal_mode": "wal", "foreign_keys": 1, "synchronous": 2, "busy_timeout": 7000}


def test_the_folder_is_created(tmp_path: Path) -> None:
    Store.open(f"sqlite:///{tmp_path}/a/b/bench.db").close()
    assert {p.name for p in (tmp_path / "a" / "b").iterdir()} == {"bench.db", "artefacts"}


def test_a_name_with_odd_letters_works(tmp_path: Path, sample: ModuleType) -> None:
    path = tmp_path / "a b%20c?d#é" / "bench 1.db"
    with Store.open(path) as store:
        sample.fill(store)
    with Store.open(path, read_only=True) as store:
        assert store.check() == []
    assert path.is_file()


def test_no_database_to_read(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"bench\.db: no such database; `trustdm run` creates one"):
        Store.open(tmp_path / "bench.db", read_only=True)
    assert list(tmp_path.iterdir()) == []


def test_a_database_that_must_exist(tmp_path: Path, sample: ModuleType) -> None:
    for url in (tmp_path / "a" / "bench.db", f"sqlite:///{tmp_path}/a/bench.db"):
        with pytest.raises(StoreError, match=r"bench\.db: no such database; `trustdm run` creates one"):
            Store.open(url, must_exist=True)
    assert list(tmp_path.iterdir()) == []
    Store.open(tmp_path / "a" / "bench.db").close()
    with Store.open(tmp_path / "a" / "bench.db", must_exist=True) as store:
        assert sample.run(store) == store.runs()[0].id


@pytest.mark.parametrize("read_only", [False, True])
def test_a_file_that_is_no_database(tmp_path: Path, read_only: bool) -> None:
    path = tmp_path / "bench.db"
    path.write_text("name,accuracy\n" * 100)
    with pytest.raises(StoreError) as error:
        Store.open(path, read_only=read_only)
    one_line(error, str(path), "file is not a database", "give --db another path")
    assert path.read_text().startswith("name,accuracy")


@pytest.mark.parametrize("read_only", [False, True])
def test_a_database_of_another_program(tmp_path: Path, read_only: bool) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE customers (name TEXT)")
    with pytest.raises(StoreError) as error:
        Store.open(path, read_only=read_only)
    one_line(error, str(path), "expected a result database", "customers")


def test_a_folder_in_the_place_of_the_database(tmp_path: Path) -> None:
    with pytest.raises(StoreError) as error:
        Store.open(tmp_path)
    one_line(error, str(tmp_path), "unable to open database file", "give --db another place")


def test_a_file_in_the_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("")
    with pytest.raises(StoreError) as error:
        Store.open(tmp_path / "results" / "bench.db")
    one_line(error, str(tmp_path / "results"))


def test_a_file_in_the_place_of_the_artefacts(tmp_path: Path) -> None:
    (tmp_path / "artefacts").write_text("")
    with pytest.raises(StoreError) as error:
        Store.open(tmp_path / "bench.db")
    one_line(error, str(tmp_path / "artefacts"))


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("mysql://u:secret@host/x", r"^mysql://host/x: expected a database of sqlite or postgresql, got mysql"),
        ("nothing://x", "nothing://x: expected a database of sqlite or postgresql, got nothing"),
        ("sqlite+nothing://x", "expected a path or a database URL"),
        ("://", "expected a path or a database URL"),
    ],
)
def test_a_url_that_is_none_of_ours(url: str, message: str) -> None:
    with pytest.raises(StoreError, match=message):
        Store.open(url)


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StoreError) as error:
        Store.open(f"postgresql+psycopg://u:secret@/x?host={tmp_path}")
    one_line(error, "postgresql+psycopg:///x: ")
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("read_only", [False, True])
def test_a_database_of_a_newer_version(tmp_path: Path, read_only: bool) -> None:
    path = tmp_path / "bench.db"
    with Store.open(path) as store, store.database.writing() as connection:
        connection.exec_driver_sql("UPDATE schema_version SET version = 99")
    before = path.read_bytes()
    with pytest.raises(StoreError) as error:
        Store.open(path, read_only=read_only)
    one_line(error, str(path), f"expected schema {len(migrations.STEPS)} or older, got 99", "install a newer trustdm")
    assert path.read_bytes() == before


def test_reading_an_old_database_says_how_to_go_on(tmp_path: Path) -> None:
    path = tmp_path / "bench.db"
    with Store.open(path) as store, store.database.writing() as connection:
        connection.exec_driver_sql("UPDATE schema_version SET version = 0")
    with pytest.raises(StoreError, match=f"expected schema {len(migrations.STEPS)}, got 0; open it for writing once"):
        Store.open(path, read_only=True)


def test_locked_for_too_long(tmp_path: Path, sample: ModuleType) -> None:
    path = tmp_path / "bench.db"
    with Store.open(path, timeout=0.2) as store, closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError) as error:
            sample.run(store)
        one_line(error, str(path), "database is locked", "another process")
        with pytest.raises(StoreError, match="database is locked"):
            Store.open(path, timeout=0.2)
        assert store.runs() == []
        other.execute("ROLLBACK")
        sample.run(store)


def test_a_short_lock_is_waited_for(tmp_path: Path, sample: ModuleType) -> None:
    path = tmp_path / "bench.db"
    with (
        Store.open(path) as store,
        closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other,
    ):
        other.execute("BEGIN IMMEDIATE")
        release = threading.Timer(0.3, other.execute, ["ROLLBACK"])
        before = time.monotonic()
        release.start()
        sample.run(store)
        assert time.monotonic() - before > 0.2
        release.join()


def test_many_processes_may_create_the_same_database(tmp_path: Path) -> None:
    path = tmp_path / "bench.db"
    code = f"from trustdm.bench.store.store import Store; print(Store.open({str(path)!r}).check())"
    started = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    said = [p.communicate(timeout=120) for p in started]
    assert [out for out, _ in said] == ["[]\n"] * 3, said


def test_a_url_that_is_read_only(tmp_path: Path, sample: ModuleType) -> None:
    path = tmp_path / "bench.db"
    with Store.open(path) as store:
        sample.fill(store)
    with pytest.raises(StoreError) as error:
        Store.open(f"sqlite:///file:{path}?mode=ro&uri=true")
    one_line(error, "attempt to write a readonly database", "give --db another place")


def test_a_read_only_file_system(tmp_path: Path, mount: Mount, sample: ModuleType) -> None:
    where = tmp_path / "disk"
    mount(where, "size=8m")
    path = where / "bench.db"
    with Store.open(path) as store:
        cells = sample.fill(store)
    mount(where, "remount,ro")
    with pytest.raises(StoreError) as error:
        Store.open(path)
    one_line(error, str(path), "give --db another place")
    with pytest.raises(StoreError) as error:
        Store.open(where / "new" / "bench.db")
    one_line(error, "Read-only file system")
    with Store.open(path, read_only=True) as store:
        assert store.cells() == cells
        assert store.check() == []
    mount(where, "remount,rw")


def fill_up(store: Store, sample: ModuleType, path: Path) -> tuple[int, list[int], str]:
    """Commits blocks until the store refuses: the cell, the starts of those committed, the message."""
    cell, size, done = sample.cell(store, planned=2**30), 500, list[int]()
    sample.run(store)
    for i in range(1000):
        block = Block(size * i, size * i + size)
        try:
            store.commit(cell.id, sample.row(block), sample.records(block), {"n": 1}, {"x": np.full(500, i)})
        except StoreError as error:
            return cell.id, done, str(error)
        done.append(block.start)
    return cell.id, done, ""


def intact(store: Store, sample: ModuleType, cell_id: int, done: list[int]) -> None:
    blocks = store.blocks(cell_id)
    assert list(blocks) == done
    assert len(store.records(cell_id)) == sum(len(sample.records(b.block)) for b in blocks.values())
    assert store.check() == []


def test_a_full_disk(tmp_path: Path, mount: Mount, sample: ModuleType) -> None:
    where = tmp_path / "disk"
    mount(where, "size=3m")
    path = where / "bench.db"
    with Store.open(path) as store:
        cell_id, done, message = fill_up(store, sample, path)
        assert len(done) > 3
        assert "free some space, then run the same command again" in message
        assert "\n" not in message
        intact(store, sample, cell_id, done)
    with Store.open(path, read_only=True) as store:
        intact(store, sample, cell_id, done)
    mount(where, "remount,size=9m")
    with Store.open(path) as store:
        block = Block(len(done) * 500, len(done) * 500 + 500)
        assert store.commit(cell_id, sample.row(block), sample.records(block), {}, {"x": np.ones(3)})
        intact(store, sample, cell_id, [*done, block.start])


def test_a_disk_that_is_full_before_anything_starts(tmp_path: Path, mount: Mount, sample: ModuleType) -> None:
    where = tmp_path / "disk"
    mount(where, "size=1m")
    path = where / "bench.db"
    with Store.open(path) as store:
        cells = sample.fill(store)
    with pytest.raises(OSError, match="No space left"), (where / "rest").open("wb", buffering=0) as rest:
        while True:
            rest.write(b"0" * 4096)
    with pytest.raises(StoreError) as error:
        Store.open(path)
    one_line(error, "free some space, then run the same command again")
    (where / "rest").unlink()
    with Store.open(path) as store:
        assert store.cells() == cells


def test_a_file_that_may_not_grow(tmp_path: Path, sample: ModuleType) -> None:
    """The limit of the process on the size of a file: a full disk where mounting is not allowed."""
    path = tmp_path / "bench.db"
    with Store.open(path) as store:
        cell = sample.cell(store, planned=2**30)
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, before[1]))
        try:
            cell_id, done, message = fill_up(store, sample, path)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert cell_id == cell.id
        assert done
        assert "then run the same command again" in message
        intact(store, sample, cell_id, done)


def test_a_damaged_file(tmp_path: Path, sample: ModuleType) -> None:
    path = tmp_path / "bench.db"
    with Store.open(path) as store:
        sample.fill(store)
    data = bytearray(path.read_bytes())
    data[4096:8192] = b"\xff" * 4096
    path.write_bytes(data)
    with pytest.raises(StoreError) as error, Store.open(path) as store:
        store.check()
    one_line(error, str(path), "malformed", "restore it from a copy")


def test_where_wal_is_refused_the_rollback_journal_serves(tmp_path: Path, sample: ModuleType) -> None:
    """SQLite's dot-file locking has no shared memory, like a network file system."""
    url = f"sqlite:///file:{tmp_path}/bench.db?vfs=unix-dotfile&uri=true"
    with Store.open(url, artefacts=tmp_path / "artefacts") as store:
        sample.fill(store)
        assert store.check() == []
        with store.database.reading() as connection:
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "delete"


def test_a_broken_constraint_is_our_bug_and_shows_its_traceback(store: Store) -> None:
    from sqlalchemy.exc import IntegrityError

    with pytest.raises(IntegrityError), store.database.writing() as connection:
        connection.exec_driver_sql("INSERT INTO run_fact (run_id, name, value) VALUES ('nobody', 'a', 'b')")
