"""kill -9 at any moment loses nothing that was committed, and the same command ends with the same records."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers import TEMPLATES, TINY, same, stored

from trustdm.bench.errors import StoreError
from trustdm.bench.store.store import Store

BLOCKS = 12


def command(db: Path, jobs: int, suite: Path = TINY) -> list[str]:
    program = [sys.executable, "-m", "trustdm.bench.cli.main", "run", suite, "--plugin", TEMPLATES]
    return [str(word) for word in (*program, "--method", "templates", "--db", db, "--jobs", jobs)]


def committed(db: Path) -> dict[tuple[str, int], tuple[str, str]]:
    """Every block that is in the database: which run finished it, and when."""
    if not db.exists():
        return {}
    try:
        with Store.open(str(db), read_only=True) as store:
            return {
                (cell.key, start): (row.run_id, row.finished)
                for cell in store.cells()
                for start, row in store.blocks(cell.id).items()
            }
    except StoreError:  # killed while the schema was being made: nothing is committed yet
        return {}


def kill_at_random(words: list[str], db: Path, rng: random.Random) -> None:
    """Starts the command, and kills it and its workers a random moment after it has begun to commit blocks."""
    before = len(committed(db))
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    wait_for = before + rng.choice([0, 1, 1, 2])
    deadline = time.monotonic() + 120
    while process.poll() is None and len(committed(db)) < wait_for and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(rng.random() * 0.3)
    process.send_signal(signal.SIGKILL)
    process.wait()


def check_survives_kills(folder: Path, suite: Path, kills: int, jobs: int, seed: int) -> None:
    whole, db, rng = folder / "whole.db", folder / "killed.db", random.Random(seed)
    subprocess.run(command(whole, 1, suite), check=True, capture_output=True)
    seen: dict[tuple[str, int], tuple[str, str]] = {}
    for _ in range(kills):
        kill_at_random(command(db, jobs, suite), db, rng)
        now = committed(db)
        assert seen.items() <= now.items(), "a committed block was lost or computed again"
        seen = now
    done = subprocess.run(command(db, jobs, suite), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    final = committed(db)
    assert seen.items() <= final.items() and final.keys() == committed(whole).keys()
    assert same(stored(db), stored(whole))
    with Store.open(str(db), read_only=True) as store:
        assert store.check() == []


def test_a_few_kills(tmp_path: Path) -> None:
    check_survives_kills(tmp_path, TINY, kills=3, jobs=1, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize(("jobs", "seed"), [(1, 2), (2, 3)])
def test_many_kills(tmp_path: Path, jobs: int, seed: int) -> None:
    """Twenty kills for each backend, over blocks of two images (75 of them); takes a few minutes."""
    suite = tmp_path / "fine.toml"
    text = TINY.read_text(encoding="utf-8").replace("first_block = 8", "first_block = 2")
    suite.write_text(text.replace("block = 16", "block = 2"), encoding="utf-8")
    check_survives_kills(tmp_path, suite, kills=20, jobs=jobs, seed=seed)


def test_interrupting_stops_at_a_block_boundary(tmp_path: Path) -> None:
    db = tmp_path / "stopped.db"
    process = subprocess.Popen(command(db, 1), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not committed(db) and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 3, errors
    between = "stopping: no block is being computed" in errors  # the signal may come while a block is saved
    assert between or "finishing the block in flight, then stopping:" in errors
    assert "the same command goes on" in errors
    assert 0 < len(committed(db)) < BLOCKS


def test_two_runs_on_one_database_both_finish(tmp_path: Path) -> None:
    db, whole = tmp_path / "both.db", tmp_path / "whole.db"
    pair = [subprocess.Popen(command(db, 1), stderr=subprocess.PIPE, text=True) for _ in range(2)]
    ends = [(p.communicate()[1], p.returncode) for p in pair]
    assert [code for _, code in ends] == [0, 0], ends
    subprocess.run(command(whole, 1), check=True, capture_output=True)
    assert same(stored(db), stored(whole)) and len(committed(db)) == BLOCKS
