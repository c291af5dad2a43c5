"""``trustdm export-attacked``: attacked images, made again and compared with the verdicts that are stored."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import TINY

from trustdm.bench.plugins import load_suite

STEPPED, UNMASKED = (Path(__file__).parents[4] / "plugins" / name for name in ("stepped.py", "unmasked.py"))
PLUGINS = ("--plugin", STEPPED, "--plugin", UNMASKED)


@pytest.fixture
def export(trustdm: Any, db: Path, tmp_path: Path) -> Any:
    """The verb, to a file of that name."""

    def run(name: str, *words: object, method: str = "stepped") -> Any:
        out = tmp_path / name
        return trustdm("export-attacked", TINY, "--method", method, *PLUGINS, "--out", out, "--db", db, *words)

    return run


def test_a_file_has_what_was_judged_and_is_the_same_again(export: Any, tmp_path: Path) -> None:
    said = export("a.npz")
    assert said.code == 0 and "16 images, as square left them" in said.out
    assert export("b.npz").code == 0
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    arrays = dict(np.load(tmp_path / "a.npz"))
    suite = load_suite(TINY)
    assert arrays["x_adv"].shape == (16, 1, 8, 8) and arrays["x_adv"].dtype == np.float32
    assert arrays["examples"].tolist() == suite.test[:16].tolist() and arrays["labels"].dtype == np.int64
    told = {name: str(arrays[name]) for name in ("suite", "digest", "method", "attack")}
    assert told == {"suite": "tiny", "digest": suite.digest, "method": "stepped", "attack": "square"}


def test_one_attack_the_first_examples_and_an_attack_from_outside(export: Any, attack: Any, tmp_path: Path) -> None:
    assert export("a.npz", "--attack", "apgd-ce", "--limit", 8).code == 0
    assert len(np.load(tmp_path / "a.npz")["x_adv"]) == 8
    assert attack().code == 0
    assert export("b.npz", "--evaluation", "+unmasked").code == 0
    assert str(np.load(tmp_path / "b.npz")["attack"]) == "unmasked"


def test_other_verdicts_than_are_stored_are_refused(export: Any, db: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(db)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        (table,) = [t for t in tables if "record" in t]
        connection.execute(f"UPDATE {table} SET label = (label + 1) % 10 WHERE label >= 0")
        connection.commit()
    said = export("a.npz")
    assert said.code == 1 and said.err.count("\n") == 1 and not (tmp_path / "a.npz").exists()
    assert "expected the verdicts that are stored, got" in said.err and "nothing was written" in said.err


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--attack", "pgd"), "--attack: expected an attack of ensemble, apgd-ce, apgd-t, fab-t, square, got 'pgd'"),
        (("--evaluation", "clean"), "none: it looks at clean images"),
        (("--evaluation", "+unmasked"), "expected stored results of stepped under +unmasked"),
        (("--evaluation", "nothing"), "unknown evaluation 'nothing'"),
        (("--seed", "1"), "No such option"),
    ],
)
def test_what_is_wrong_is_one_line(export: Any, words: tuple[str, ...], expected: str) -> None:
    said = export("a.npz", *words)
    assert said.code == 1 and said.err.count("\n") == 1 and expected in said.err, said.err


def test_a_file_that_is_there_is_left_alone(export: Any, tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(b"mine")
    said = export("a.npz")
    assert said.code == 1 and "--out: expected a new file" in said.err
    assert (tmp_path / "a.npz").read_bytes() == b"mine"
    assert "one in a folder that is not there" in export("no/a.npz").err
