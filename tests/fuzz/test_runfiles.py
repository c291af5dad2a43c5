"""Run files of strangers: what is not refused in one line is shown, checked, exported, read back and published."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from fuzz.harness import Survivors, budget, chances, roomy
from fuzz.runfiles import BASES, Forged, forged

from trustdm.bench.store.store import Store

BATCH = 250
"""So many cases go into one database before it is looked at."""


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TRUSTDM_DB", raising=False)


@budget(60, 2500)
def test_run_files(cases: int, capsys: pytest.CaptureFixture[str]) -> None:
    found, accepted = Survivors(), 0
    for case, chance in enumerate(chances("run files", cases)):
        db = f"{case // BATCH}/bench.db"
        accepted += imported(found, forged(case, chance), db, capsys)
        if case % BATCH == BATCH - 1 or case == cases - 1:
            looked_at(found, db, capsys)
            shutil.rmtree(Path(db).parent)
    found.check()
    assert accepted > cases // 12, "hardly anything is accepted: what was imported is hardly looked at"


def imported(found: Survivors, file: Forged, db: str, capsys: pytest.CaptureFixture[str]) -> bool:
    """Whether a file was accepted; a refusal is one line, and what was accepted may be doubted in one line each."""
    path = Path("x/y.json")
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(file.content)
    path.with_suffix(".npz").write_bytes(file.archive)
    code = found.commands(["import", str(path), "--db", db], capsys, of=file.done, allowed=(0, 1))
    return code == 0


def looked_at(found: Survivors, db: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Every verb that reads takes what was imported, and says of nothing that it is damaged."""
    with Store.open(db, read_only=True) as store:
        suites = sorted({cell.identity.suite for cell in store.cells()} | {name.partition("/")[0] for name, _ in BASES})
        methods = sorted({cell.identity.method for cell in store.cells()})
    folder = Path(db).parent
    words = [["show", suite, *more, "--db", db] for suite in suites for more in (["--wide"], ["--json"])]
    words += [["show", method, "--db", db] for method in methods[:: 1 + len(methods) // 8]]
    words += [["db", "check", "--db", db], ["db", "labs", "--db", db], ["export", f"{folder}/out", "--db", db]]
    words += [["import", f"{folder}/out", "--db", f"{folder}/back/bench.db"]]
    words += [["export", f"{folder}/again", "--db", f"{folder}/back/bench.db"]]
    words += [["publish", "--out", f"{folder}/site", "--db", db]]
    with roomy():
        for each in words:
            found.commands(each, capsys, allowed=(0,), without="could not be shown in full")
    found.runs("what was exported reads back", lambda: same(folder / "out", folder / "again"))


def same(a: Path, b: Path) -> None:
    """Two folders with the same files."""
    left, right = ({p.relative_to(at): p.read_bytes() for p in at.rglob("*.*")} for at in (a, b))
    assert left == right, sorted(str(p) for p in left.keys() ^ right.keys()) or "other bytes"
