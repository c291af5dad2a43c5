"""Arguments and addresses of databases, as they may be typed."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from fuzz.harness import TEXTS, Survivors, budget, chances
from helpers import TINY

from trustdm.bench.store.store import Store

ODD = [*TEXTS, "\udcff", "a\udc80.db", "1/0", "1/1000", "1e-999999999", "1e-9999"]
VERBS = [
    ["show", 1],
    ["show", 1, "--json"],
    ["show", TINY, "--db", 1],
    ["show", "digits-standard:x=", 1],
    ["show", 1, "--reported"],
    ["run", 1, "--method", "nothing"],
    ["run", TINY, "--method", 1, "--dry-run", "--limit", "0"],
    ["run", TINY, "--method", "nothing", "--plugin", 1],
    ["run", TINY, "--method", "nothing", "--device", 1],
    ["run", TINY, "--method", "nothing", "--seed", 1, "--limit", 1, "--jobs", 1, "--max-hours", 1],
    ["data", "digest", 1],
    ["data", "digest", "--dataset", 1],
    ["data", "digest", 1, "--dataset", "npz"],
    ["new", "suite", 1, "--data", 1],
    ["new", "suite", 1, "--dataset", "digits", "--out", 1, "--test", 1],
    ["new", "suite", "mine", "--dataset", "digits", "--out", "x/mine.toml", "--set", 1],
    ["export", "out", "--db", 1],
    ["export", "out", "--db", "a.db", "--suite", 1, "--method", 1],
    ["import", 1, "--db", "a.db"],
    ["import", "none.json", "--db", 1],
    ["db", "check", "--db", 1],
    ["db", "labs", "--db", 1],
    ["db", "collect", "--db", 1],
    ["db", "name-lab", 1, 1, "--db", "a.db"],
    ["publish", "--db", "none.db", "--out", 1],
    ["weights", "hash", 1],
    ["weights", "convert", 1, 1],
    ["train", 1],
    ["reference", 1],
    ["import-log", 1, "--suite", 1, "--evaluation", 1, "--name", 1, "--source", 1, "--db", "a.db"],
    ["import-log", "x.log", "--suite", "cifar10-certified", "--evaluation", "sigma-1-4", "--name", 1, "--source", 1],
    ["import-log", "x.log", "--suite", "cifar10-certified", "--evaluation", "sigma-1-4", "--alpha", 1, "--draws", 1],
    [1],
    ["db", 1],
    ["run", TINY, 1, "--method", "nothing"],
]


def typed(verb: list[object], chance: random.Random) -> list[str]:
    return [chance.choice(ODD) if word == 1 else str(word) for word in verb]


@budget(70, 1500)
def test_arguments(
    cases: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.delenv("TRUSTDM_DB", raising=False)
    with Store.open("a.db"):
        pass
    found = Survivors()
    for chance in chances("arguments", cases):
        found.commands(typed(chance.choice(VERBS), chance), capsys)
    found.check()


KINDS = ["sqlite", "sqlite+pysqlite", "sqlite+aiosqlite", "postgresql", "postgresql+psycopg", "mysql", "x", "", "a b"]
PLACES = [
    "/a.db",
    "/:memory:",
    "/file:a.db",
    "",
    "//dev/null/x",
    "//proc/nowhere/x",
    "/" + "n" * 300,
    "h/x",
    "/é",
    "/a b",
]
LOGINS = [
    "",
    "u@",
    "u:s3cret@",
    "u:s3c/ret@",
    "u:s3c@ret@",
    ":s3cret@",
    "u:s3cret@h:99999999",
    "u:s3cret@[::1",
    "u:s3cret@h:p",
]
OPTIONS = ["", "?", "?bogus=1", "?timeout=x", "?timeout=1&timeout=2", "?uri=true", "?uri=maybe", "?mode=ro&uri=true"]
OPTIONS += [
    "?password=s3cret",
    "?check_same_thread=maybe",
    "?isolation_level=x",
    "?vfs=none&uri=true",
    "#x",
    "?a",
    "?%00=%00",
]


@budget(80, 1500)
def test_addresses_of_databases(cases: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """None is a traceback, and none says its password."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    found = Survivors()

    def opened(where: str, read_only: bool) -> None:
        try:
            with Store.open(where, read_only=read_only, timeout=1):
                pass
        except Exception as error:
            assert "s3c" not in str(error), "a password is said"
            raise

    for chance in chances("databases", cases):
        where = f"{chance.choice(KINDS)}://{chance.choice(LOGINS)}{chance.choice(PLACES)}{chance.choice(OPTIONS)}"
        where = chance.choice(TEXTS) or where if chance.random() < 0.1 else where
        read_only = chance.random() < 0.3
        found.runs(where, lambda w=where, r=read_only: opened(w, r))
    found.check()
