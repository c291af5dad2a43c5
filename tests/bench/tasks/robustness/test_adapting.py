"""Defences that look stronger than they are, each caught by name; honest ones pass."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from accounts import accounts, found
from helpers import command_line, stored

from trustdm.bench.store.store import Store
from trustdm.bench.types import Status

WRONG = "gradient unverified: it differs from measured slopes"
ZERO = "gradient unverified: it is zero"
CAUGHT = {
    "redrawn": WRONG,
    "detached": WRONG,
    "rejecting": WRONG,
    "masked": ZERO,
    "blind": ZERO,
    "cached": "declared randomized, and answers the same under every draw",
    "counting": "gradient unverified: the method answers differently under the same noise",
}
HONEST = ("honest", "whole", "global", "plain")
KNOWING = "fixed-noise"


@pytest.fixture
def rows(defences: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    suite, database = defences
    said = command_line(capsys)("show", suite, "--db", database, "--json")
    assert said.code == 0, said.err
    return {row["method"]: row for row in json.loads(said.out)}


@pytest.mark.parametrize("name", CAUGHT)
def test_what_looks_stronger_than_it_is_is_shown_and_not_ranked(rows: dict[str, Any], name: str) -> None:
    assert rows[name]["caveat"].startswith(CAUGHT[name]), rows[name]["caveat"]
    assert rows[name]["rank_low"] is None and "robust_accuracy" in rows[name]["metrics"]
    flag = "draws-ignored" if name == "cached" else "gradient-unverified"
    assert flag in rows[name]["flags"]


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_defence_is_ranked(rows: dict[str, Any], name: str) -> None:
    assert rows[name]["caveat"] == "" and rows[name]["rank_low"] is not None
    assert not {"gradient-unverified", "draws-ignored", "margin-rises", "unbounded-leaves-accuracy", "no-eot"} & set(
        rows[name]["flags"]
    )


def test_attacks_that_cannot_be_mounted_have_no_number(rows: dict[str, Any]) -> None:
    parts = {"transfer_accuracy", "bpda_eot_accuracy"}
    assert parts <= set(rows["honest"]["metrics"]) and "fixed_noise_accuracy" in rows["honest"]["metrics"]
    assert not parts & set(rows["whole"]["metrics"]) and "not-mounted" in rows["whole"]["flags"]
    assert "fixed_noise_accuracy" not in rows["global"]["metrics"]
    assert {"pgd_eot_accuracy", "square_eot_accuracy"} <= set(rows["global"]["metrics"])


def test_every_attack_is_judged_on_every_image_under_every_draw(defences: tuple[Path, Path]) -> None:
    records = stored(defences[1])["honest", "adaptive"]
    clean = records.where(records.probe == "clean")
    attacked = {int(e) for e in clean.example[clean.status == Status.CORRECT]}
    for probe in np.unique(records.probe):
        at = records.where(records.probe == probe)
        assert len(at) == 4 * 16
        if probe != "clean":
            run = at.where(at.status != Status.NOT_RUN)
            assert {int(e) for e in run.example} == attacked
            assert np.all(run.norm <= 0.1 * (1 + 1e-6)) and np.all(run.norm >= 0)
    searches = {"pgd-eot", "pgd-eot-last", "pgd-eot.2", "pgd-eot.2-last", "apgd-eot", "apgd-eot-last", "low-frequency"}
    others = {"clean", "transfer", "bpda-eot", "square-eot", "fixed-noise"}
    assert set(np.unique(records.probe)) == searches | others


def test_draws_of_the_evaluation_are_the_same_for_every_probe(defences: tuple[Path, Path]) -> None:
    # The margin of an image that an attack did not move is its clean margin under the same draw.
    records = stored(defences[1])["whole", "adaptive"]
    clean = records.where(records.probe == "clean").sorted()
    still = records.where(records.probe == "transfer").sorted()
    run = still.status != Status.NOT_RUN
    assert np.all(still.norm[run] == 0) and np.array_equal(still.value[run], clean.value[run])
    by_draw = clean.value.reshape(-1, 4)
    assert np.all(np.std(by_draw, axis=1) > 0)


def test_one_who_knows_the_noise_makes_an_image_for_each_draw(defences: tuple[Path, Path]) -> None:
    records = stored(defences[1])["honest", "adaptive"]
    mean = {probe: records.value[records.probe == probe] for probe in ("pgd-eot", KNOWING)}
    assert np.nanmean(mean[KNOWING]) < np.nanmean(mean["pgd-eot"])


def test_the_gate_looks_at_clean_and_at_attacked_images(defences: tuple[Path, Path]) -> None:
    with Store.open(str(defences[1]), read_only=True) as store:
        (cell,) = (c for c in store.cells() if c.identity.method == "honest" and c.identity.evaluation == "adaptive")
        counts = store.result(cell).diagnostics
    assert counts["gate_rows"] == 2 * 2 * 4  # two blocks, each before and after an attack, four images
    assert counts["gate_wrong_rows"] == counts["gate_unrepeatable_rows"] == counts["same_draw_rows"] == 0
    assert counts["unbounded_rows"] > 4 and counts["unbounded_left_rows"] == 0 and counts["margin_rises"] == 0


def test_what_was_measured_can_be_checked_exported_and_imported(
    defences: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    suite, database = defences
    run, other = command_line(capsys), tmp_path / "other.db"
    assert run("db", "check", "--db", database).code == 0
    assert run("export", tmp_path / "runs", "--db", database).code == 0
    taken = run("import", tmp_path / "runs", "--db", other)
    assert taken.code == 0 and "44 blocks" in taken.out, taken.err + taken.out
    imported = {row["method"]: row for row in json.loads(run("show", suite, "--db", other, "--json").out)}
    assert imported["redrawn"]["caveat"].startswith(WRONG) and imported["redrawn"]["imported"]
    assert "attack-idle" not in imported["whole"]["flags"]


@pytest.mark.parametrize(
    ("count", "value", "words"),
    [
        ("gate_rows", None, "gate_rows: expected 1 to 16, got None"),
        ("gate_rows", 0.0, "gate_rows: expected 1 to 16, got 0.0"),
        ("gate_wrong_rows", 9.0, "gate_wrong_rows: expected 0 to 8, got 9.0"),
        ("same_draw_rows", None, "same_draw_rows: expected 0 to 8, got None"),
    ],
)
def test_a_file_cannot_leave_the_gate_out(
    defences: tuple[Path, Path], count: str, value: float | None, words: str
) -> None:
    cell = accounts(defences[1])["adaptive"]
    block = next(iter(cell.blocks))
    counts = {name: number for name, number in {**block.diagnostics, count: value}.items() if number is not None}
    wrong = replace(cell, blocks=(replace(block, diagnostics=counts), *cell.blocks[1:]))
    assert any(words in str(fault) for fault in found(wrong))
