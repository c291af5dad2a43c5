"""Real limits of the machine: a disk that is full, a database that cannot be written, a place that does not exist."""

from __future__ import annotations

import shlex
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from helpers import TEMPLATES, TINY, complaints, same, stored

from trustdm.bench.store.store import Store


def words(db: str) -> list[str]:
    program = [sys.executable, "-m", "trustdm.bench.cli.main", "run", TINY, "--plugin", TEMPLATES]
    return [str(word) for word in (*program, "--method", "templates", "--db", db)]


def run(db: str, before: str = "") -> subprocess.CompletedProcess[str]:
    """The command, in a shell that first does ``before``."""
    return subprocess.run(["bash", "-c", f"{before}exec {shlex.join(words(db))}"], capture_output=True, text=True)


def test_a_full_disk_is_one_line_and_loses_nothing(tmp_path: Path) -> None:
    """No file may grow beyond 600 KiB: the write-ahead log meets that in the middle of the run."""
    db = tmp_path / "a.db"
    limited = run(str(db), "ulimit -f 600; ")
    assert limited.returncode == 1 and len(complaints(limited.stderr)) == 1, limited.stderr
    assert "check its space and health" in limited.stderr or "free some space" in limited.stderr
    kept = stored(db)
    with Store.open(str(db), read_only=True) as store:
        assert store.check() == []
    assert run(str(db)).returncode == 0 and run(str(tmp_path / "b.db")).returncode == 0
    whole = stored(tmp_path / "b.db")
    assert same(stored(db), whole)
    assert any(len(r) for r in kept.values()) and sum(map(len, kept.values())) < sum(map(len, whole.values()))


def test_a_database_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    db = tmp_path / "a.db"
    assert run(str(db)).returncode == 0
    before = db.read_bytes()
    read_only = run(f"sqlite:///file:{db}?mode=ro&immutable=1&uri=true")
    assert read_only.returncode == 1 and read_only.stderr.count("\n") == 1, read_only.stderr
    assert db.read_bytes() == before


@pytest.mark.parametrize("db", ["/proc/nowhere/a.db", "/dev/null/a.db", "postgres://nobody@nowhere/x", "mysql://a/b"])
def test_a_place_that_cannot_be_is_one_line(db: str) -> None:
    done = run(db)
    assert done.returncode == 1 and done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("trustdm: ")


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    db = tmp_path / "theirs.db"
    with closing(sqlite3.connect(db)) as connection:
        connection.execute("CREATE TABLE theirs (x)")
        connection.commit()
    done = run(str(db))
    assert done.returncode == 1 and "theirs" in done.stderr and done.stderr.count("\n") == 1
    (tmp_path / "text.db").write_text("not a database, " * 100, encoding="utf-8")
    done = run(str(tmp_path / "text.db"))
    assert done.returncode == 1 and done.stderr.count("\n") == 1
