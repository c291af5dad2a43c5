"""Databases in which bits have flipped: every verb that looks shows what can be read, or says in a line why not."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from fuzz.harness import Survivors, budget, chances, damaged, roomy
from fuzz.runfiles import intact

from trustdm.bench.cli.main import main

LOOKS = [
    ["show", "digits-linf"],
    ["show", "digits-linf", "--json", "--wide"],
    ["show", "digits-standard"],
    ["show", "digits-standard:x=1"],
    ["show", "mnist16-certified"],
    ["show", "nothing-of-that-name"],
    ["export", "out"],
    ["export", "out"],
    ["export", "out", "--suite", "digits-linf", "--method", "digits-standard"],
    ["db", "labs"],
    ["db", "hidden", "--json"],
    ["db", "check"],
]
SMOKE = 100
EVERY = 40
"""After so many cases the pages are published, too, which takes seconds."""


@pytest.fixture
def whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    """A folder with a database of two tasks, all of whose pages are full, and what was summed up of it."""
    folder = tmp_path / "whole"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.delenv("TRUSTDM_DB", raising=False)
    for at in (0, 1):
        file = intact(at)
        Path("x.json").write_bytes(file.content)
        Path("x.npz").write_bytes(file.archive)
        assert main(["import", "x.json", "--db", "bench.db"]) == 0
    with closing(sqlite3.connect("bench.db", isolation_level=None)) as connection:
        for words in ("PRAGMA journal_mode = DELETE", "PRAGMA page_size = 1024", "VACUUM"):
            connection.execute(words)
    for name in ("digits-linf", "mnist16-certified"):
        assert main(["show", name, "--db", "bench.db"]) == 0
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return folder


@budget(SMOKE, 1500)
def test_databases(cases: int, whole: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(whole / "artefacts", "artefacts")
    data, scores = (whole / "bench.db").read_bytes(), (whole / "bench.scores").read_bytes()
    found = Survivors()
    for case, chance in enumerate(chances("databases", cases)):
        content = bytearray(data)
        for _ in range(chance.choice((1, 1, 1, 8))):
            content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        Path("bench.db").write_bytes(damaged(data, chance) if chance.random() < 0.05 else content)
        Path("bench.scores").unlink(missing_ok=True)
        if chance.random() < 0.7:
            Path("bench.scores").write_bytes(damaged(scores, chance) if chance.random() < 0.3 else scores)
        for words in chance.sample(LOOKS, 1 if cases <= SMOKE else 2):
            found.commands([*words, "--db", "bench.db"], capsys, of=case, allowed=(0, 1), lines_of_ours=True)
        if case % EVERY == EVERY - 1 and cases > SMOKE:
            with roomy():
                found.commands(["publish", "--db", "bench.db"], capsys, of=case, allowed=(0, 1), lines_of_ours=True)
    found.check()


FIRST = "WHERE id = (SELECT MIN(cell_id) FROM block)"
LOST = [f"UPDATE cell SET {key} = 999 {FIRST}" for key in ("suite_id", "method_id")]


@pytest.mark.parametrize("loss", [*LOST, f"DELETE FROM cell {FIRST}"])
def test_a_cell_that_is_lost_costs_itself(loss: str, whole: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Found by a flipped bit: a block of a cell that no query finds any more."""
    shutil.copytree(whole / "artefacts", "artefacts")
    shutil.copy(whole / "bench.db", "bench.db")
    with closing(sqlite3.connect("bench.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute(loss)
        assert connection.execute("SELECT changes()").fetchone() == (1,)
    for words in (["export", "out"], ["show", "digits-linf"], ["show", "digits-standard"], ["publish"]):
        with roomy():
            assert main([*words, "--db", "bench.db"]) in (0, 1)
        assert "Traceback" not in capsys.readouterr().err
    assert main(["db", "check", "--db", "bench.db"]) == 1
