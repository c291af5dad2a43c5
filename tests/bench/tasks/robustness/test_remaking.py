"""Attacked images again, of a randomized defence under adaptive attacks; the verbs' tests have deterministic ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import TESTS, command_line

from trustdm.bench.cli import measure
from trustdm.bench.records import Records
from trustdm.bench.tasks.robustness.remaking import differing

PURIFIERS = TESTS / "plugins" / "purifiers.py"


@pytest.fixture
def export(
    defences: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Any:
    suite, db = defences
    monkeypatch.setattr(measure, "APART", False)
    trustdm = command_line(capsys)

    def run(name: str, *words: object, method: str = "honest") -> Any:
        given = ("--plugin", PURIFIERS, "--method", method, "--out", tmp_path / name, "--db", db, "--limit", 8)
        return trustdm("export-attacked", suite, *given, *words)

    return run


@pytest.mark.parametrize("words", [(), ("--attack", "square-eot"), ("--attack", "pgd-eot.2-last")])
def test_a_search_finds_what_was_judged(export: Any, tmp_path: Path, words: tuple[str, ...]) -> None:
    said = export("a.npz", *words)
    assert said.code == 0, said.err
    images = np.load(tmp_path / "a.npz")["x_adv"]
    assert images.shape == (8, 1, 8, 8) and images.min() >= 0 and images.max() <= 1


def test_block_seeded_defences_too(export: Any) -> None:
    assert export("a.npz", "--attack", "pgd-eot", method="global").code == 0


def test_one_image_for_each_draw_is_no_file_of_images(export: Any) -> None:
    said = export("a.npz", "--attack", "fixed-noise")
    assert said.code == 1 and said.err.count("\n") == 1 and "one for each draw of each" in said.err


def test_verdicts_that_differ_are_counted() -> None:
    stored = Records.of("a", [1, 2, 3], np.array([0, 1, 0]), label=np.array([4, 5, 6]))
    assert differing(stored, stored) == 0 and differing(stored, stored.where(stored.example > 1)) == 0
    other = Records.of("a", [1, 2, 3, 9], np.array([0, 0, 0, 0]), label=np.array([4, 5, 7, 1]))
    assert differing(stored, other) == 3
