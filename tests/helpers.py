"""Helpers for the tests that run a small suite for real; importable because tests/ is on pytest's pythonpath."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from trustdm.bench.cli.main import main
from trustdm.bench.records import Records
from trustdm.bench.runner.run import Report
from trustdm.bench.store.store import Store

TESTS = Path(__file__).resolve().parent
TINY = TESTS / "data" / "tiny.toml"
TEMPLATES = TESTS / "plugins" / "templates.py"
Measure = Callable[..., Report]


class Said(NamedTuple):
    """The exit code of a command, and what it printed."""

    code: int
    out: str
    err: str


def command_line(capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """The command line in this process: called with its words."""

    def run(*words: object) -> Said:
        capsys.readouterr()
        code = main([str(word) for word in words])
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return run


def toy_run(folder: Path) -> tuple[Path, Path]:
    """A database with the first sixteen examples of the tiny suite (two blocks of each of three evaluations), and the
    run file that was exported from it, below ``folder/runs``."""
    database = folder / "bench.db"
    words = ["run", TINY, "--plugin", TEMPLATES, "--method", "templates", "--limit", 16, "--db", database]
    assert main([str(word) for word in words]) == 0
    assert main(["export", str(folder / "runs"), "--db", str(database)]) == 0
    (file,) = (folder / "runs" / "tiny").glob("templates*.json")
    return database, file


def stored(path: Path) -> dict[tuple[str, str], Records]:
    """Every record of a database by method and evaluation."""
    with Store.open(str(path), read_only=True) as store:
        return {
            (c.identity.method, c.identity.evaluation): store.records(c.id) for c in store.cells() if not c.superseded
        }


def same(a: dict[tuple[str, str], Records], b: dict[tuple[str, str], Records]) -> bool:
    """Whether two databases hold the same records, bit for bit."""
    return a.keys() == b.keys() and all(a[k].equals(b[k]) for k in a)


def plugin(folder: Path, body: str, name: str = "broken", card: str = "") -> Path:
    """A plugin file with one method for the digits whose ``classify`` has this body."""
    path = folder / f"{name}.py"
    lines = "\n".join(f"        {line}" for line in body.splitlines())
    path.write_text(
        "import torch\nfrom trustdm import MethodCard, method\n\n\n"
        f"@method(MethodCard(name='{name}', version='1', input_shape=(1, 8, 8), classes=10{card}))\n"
        f"class Method:\n    def classify(self, x, *noise):\n{lines}\n",
        encoding="utf-8",
    )
    return path


def only_clean(folder: Path) -> Path:
    """The tiny suite with its clean evaluation alone."""
    head, _, tail = TINY.read_text(encoding="utf-8").partition("[evaluations.pgd]")
    metrics = tail[tail.index("[[metrics]]") :].split("[[metrics]]")[1]
    path = folder / "clean.toml"
    path.write_text(f'{head}[[metrics]]{metrics}[ranking]\nmetric = "clean_accuracy"\n', encoding="utf-8")
    return path


def rewrite(path: Path, old: str, new: str) -> Path:
    """Replaces the one place in a file where ``old`` stands."""
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, old
    path.write_text(text.replace(old, new), encoding="utf-8")
    return path


def complaints(errors: str) -> list[str]:
    """The lines of standard error that are not about the progress of a run, nor about conformance checks."""
    others = re.compile(r"\[\d+/\d+\] |\d+ of \d+ blocks are there|.*failed conformance checks")
    return [line for line in errors.splitlines() if not others.match(line)]


def differing_share(a: Records, b: Records) -> float:
    """The share of rows whose verdict differs."""
    a, b = a.sorted(), b.sorted()
    assert np.array_equal(a.example, b.example) and np.array_equal(a.probe, b.probe)
    return float((a.status != b.status).mean())
