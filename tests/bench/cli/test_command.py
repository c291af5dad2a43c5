"""The command that is stored is the one that was understood, without what lets somebody in."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from helpers import TEMPLATES, TINY, plugin


def commands(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [row[0] for row in connection.execute("SELECT command FROM run")]


def test_a_run_stores_its_options(trustdm: Any, tmp_path: Path) -> None:
    words = ["run", TINY, f"--plugin={TEMPLATES}", "--method", "templates", "--limit=8", "--retry-failed"]
    assert trustdm(*words, "--db", f"sqlite:///{tmp_path}/a.db?timeout=9").code == 0
    expected = "run tiny.toml --method templates --plugin templates.py --db sqlite:a.db --limit 8 --retry-failed"
    assert [line.partition(" ")[2] for line in commands(tmp_path / "a.db")] == [expected]


def test_a_secret_in_an_error_is_not_stored(trustdm: Any, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("SOME_KEY", "abc-123-xyz")
    path = plugin(tmp_path, "import os; raise ValueError(f\"{os.environ['SOME_KEY']} \" + 'y' * 9000)")
    db = tmp_path / "a.db"
    assert trustdm("run", TINY, "--plugin", path, "--method", "broken", "--limit", 8, "--db", db).code in (1, 2)
    assert trustdm("export", "x", "--db", db).code == 0
    with closing(sqlite3.connect(db)) as connection:
        stored = "\n".join(connection.iterdump())
    exported = "".join(file.read_text(encoding="utf-8") for file in (tmp_path / "x").rglob("*.json"))
    for text in (stored, exported):
        assert "$SOME_KEY" in text and "abc-123-xyz" not in text and "y" * 2100 not in text


def test_no_verb_prints_a_password(trustdm: Any, monkeypatch: Any) -> None:
    for url in (
        "postgresql+psycopg://ann:s3cret@127.0.0.1:1/x",
        "mysql://ann:s3cret@h/x",
        "postgresql://a:s3cret@h:p/x",
    ):
        monkeypatch.setenv("TRUSTDM_DB", url)
        for words in (["db", "check"], ["db", "labs"], ["export", "x"], ["show", "digits-linf"], ["baselines"]):
            ran = trustdm(*words)
            assert ran.code == 1 and "s3cret" not in ran.out + ran.err and ran.err.count("\n") == 1, words
