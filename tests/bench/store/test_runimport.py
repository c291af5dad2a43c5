"""An import: twice changes nothing, and a file that contradicts the store changes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from trustdm.bench.errors import RunFileError
from trustdm.bench.records import failed
from trustdm.bench.store import runfiles, runimport
from trustdm.bench.store.store import Store
from trustdm.bench.types import Block, RunInfo

Edit = Callable[[dict[str, Any]], object]
MAIN = "digits-linf/plain.json"


def content(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def edited(folder: Path, change: Edit) -> Path:
    path = folder / MAIN
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value))
    return path


def state(store: Store) -> list[Any]:
    return [store.cells(), store.runs(), [store.blocks(c.id) for c in store.cells()]]


def test_an_import_never_makes_a_circle(exported: Path, empty: Store) -> None:
    runimport.import_folder(empty, exported)
    before = state(empty)

    def turn(value: dict[str, Any]) -> None:
        first, second = value["cells"]
        first["supersedes"], second["supersedes"] = second["uid"], None

    with pytest.raises(RunFileError, match=r"cells\[0\].supersedes: expected .* as stored, got"):
        runimport.import_file(empty, edited(exported, turn))
    assert state(empty) == before


def test_what_this_store_measured_corrects_what_it_says_itself(
    store: Store, tmp_path: Path, sample: ModuleType
) -> None:
    cells = sample.fill(store)
    runfiles.export(store, tmp_path / "out")
    with store.database.writing() as connection:
        connection.exec_driver_sql("UPDATE cell SET supersedes = NULL")
    with pytest.raises(RunFileError, match=rf"supersedes: expected 'None' as stored, got {cells[0].id}"):
        runimport.import_file(store, tmp_path / "out" / MAIN)


def test_everything_arrives(store: Store, exported: Path, empty: Store, sample: ModuleType) -> None:
    runimport.import_folder(empty, exported)
    by_uid = {c.uid: c for c in empty.cells()}
    assert len(by_uid) == 3
    old_ids = {c.id: c.uid for c in store.cells()}
    for cell in store.cells():
        there = by_uid[cell.uid]
        supersedes = None if cell.supersedes is None else by_uid[old_ids[cell.supersedes]].id
        assert replace(there, id=cell.id) == replace(cell, supersedes=supersedes)
        mine, theirs = store.result(cell), empty.result(there)
        assert theirs.records.equals(mine.records)
        assert sample.bits(theirs.records.value) == sample.bits(mine.records.value)
        assert replace(theirs, records=mine.records, id=cell.id, own=True) == mine
        assert empty.artefact_names(there.id) == store.artefact_names(cell.id)
        for start, name in store.artefact_names(cell.id):
            np.testing.assert_array_equal(
                empty.artefact(there.id, start, name), store.artefact(cell.id, start, name), strict=True
            )
    assert empty.runs() == store.runs()


def test_importing_again_changes_nothing(exported: Path, empty: Store) -> None:
    runimport.import_folder(empty, exported)
    before = state(empty)
    assert runimport.import_folder(empty, exported) == 0
    assert state(empty) == before
    assert empty.collect() == 0


def test_importing_into_the_store_it_came_from_changes_nothing(store: Store, exported: Path) -> None:
    before = state(store)
    assert runimport.import_folder(store, exported) == 0
    assert state(store) == before


def test_more_blocks_are_added_to_a_cell_that_is_there(
    store: Store, exported: Path, empty: Store, sample: ModuleType
) -> None:
    runimport.import_folder(empty, exported)
    cell = store.cells()[1]
    name = sample.run(store, "run-3")
    store.commit(cell.id, sample.row(Block(8, 16), name), sample.records(Block(8, 16)), {}, {"x": np.ones(2)})
    store.set_state_digest(cell.id, "e" * 64)
    store.finish_run("run-2", 3)
    runfiles.export(store, exported)
    assert runimport.import_folder(empty, exported) == 1
    there = next(c for c in empty.cells() if c.uid == cell.uid)
    assert list(empty.blocks(there.id)) == [0, 8]
    assert there.state_digest == "e" * 64
    assert empty.runs() == store.runs()
    assert runimport.import_folder(store, exported) == 0


def test_an_older_export_takes_nothing_back(store: Store, exported: Path, sample: ModuleType) -> None:
    cell = store.cells()[1]
    store.commit(cell.id, sample.row(Block(8, 16)), sample.records(Block(8, 16)))
    store.set_state_digest(cell.id, "e" * 64)
    store.finish_run("run-2", 3)
    before = state(store)
    assert runimport.import_folder(store, exported) == 0
    assert state(store) == before


def test_the_same_cell_measured_elsewhere_is_another_attempt(exported: Path, empty: Store, sample: ModuleType) -> None:
    own = sample.cell(empty)
    empty.begin_run(RunInfo("own", sample.FINISHED, "trustdm run --limit 8", "", None))
    block = Block(0, 8)
    empty.commit(own.id, sample.row(block, "own"), sample.records(block, seed=7))
    assert runimport.import_folder(empty, exported) == 5
    attempts = [c for c in empty.cells() if c.key == own.key]
    assert [c.attempt for c in attempts] == [1, 2, 3]
    assert [c.superseded for c in attempts] == [False, True, False]
    assert empty.records(own.id).equals(sample.records(block, seed=7))
    assert runimport.import_folder(empty, exported) == 0


def test_a_finished_block_takes_the_place_of_a_failed_one(
    store: Store, exported: Path, empty: Store, tmp_path: Path, sample: ModuleType
) -> None:
    runimport.import_folder(empty, exported)
    other = store.cells(method="other")[0]
    store.commit(other.id, sample.row(Block(0, 8)), sample.records(Block(0, 8)))
    runfiles.export(store, tmp_path / "later")
    assert runimport.import_folder(empty, tmp_path / "later") == 1
    there = empty.cells(method="other")[0]
    assert empty.blocks(there.id)[0].status == "done"
    assert runimport.import_folder(empty, exported) == 0
    assert empty.blocks(there.id)[0].status == "done"
    assert empty.check() == []


def test_the_later_of_two_failures_stays(store: Store, exported: Path, tmp_path: Path, sample: ModuleType) -> None:
    other = store.cells(method="other")[0]
    late = sample.row(Block(0, 8), status="failed", error="again", finished="2026-01-01T00:00:00+00:00")
    store.commit(other.id, late, failed(sample.examples_of(Block(0, 8))))
    assert runimport.import_folder(store, exported) == 0
    assert store.blocks(other.id)[0].error == "again"


def first_block(value: dict[str, Any]) -> dict[str, Any]:
    cell = next(c for c in value["cells"] if c["supersedes"] is None)
    block: dict[str, Any] = cell["blocks"][0]
    return block


def change_status(value: dict[str, Any]) -> None:
    line = first_block(value)["records"][0]
    line["status"] = line["status"].replace("w", "a")


def change_cost(value: dict[str, Any]) -> None:
    first_block(value)["cost"]["forwards"] += 1


def change_diagnostics(value: dict[str, Any]) -> None:
    first_block(value)["diagnostics"]["odd"] = 7


def drop_artefact(value: dict[str, Any]) -> None:
    del first_block(value)["artefacts"]["x_adv"]


def merge_blocks(value: dict[str, Any]) -> None:
    block = first_block(value)
    block["start"], block["stop"] = 4, 12
    cell = next(c for c in value["cells"] if c["supersedes"] is None)
    cell["blocks"] = [block]


def move_block(value: dict[str, Any]) -> None:
    block = first_block(value)
    block["start"], block["stop"] = 40, 48
    cell = next(c for c in value["cells"] if c["supersedes"] is None)
    cell["blocks"] = [block]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (change_status, r"cells\[\d\].blocks\[0\]: expected the block as it is stored for this cell, got another"),
        (change_cost, r"cells\[\d\].blocks\[0\]: expected the block as it is stored"),
        (change_diagnostics, r"cells\[\d\].blocks\[0\]: expected the block as it is stored"),
        (drop_artefact, r"cells\[\d\].blocks\[0\]: expected the block as it is stored"),
        (
            merge_blocks,
            r"cells\[\d\].blocks\[0\]: expected a block that is stored, as this database measured the cell itself",
        ),
        (
            move_block,
            r"cells\[\d\].blocks\[0\]: expected a block that is stored, as this database measured the cell itself",
        ),
        (
            lambda v: v["cells"][0].update(code_digest="x"),
            r"cells\[0\].code_digest: expected 'code-1' as stored, got 'x'",
        ),
        (lambda v: v["cells"][0].update(planned=65), r"cells\[0\].planned: expected '64' as stored, got 65"),
        (lambda v: v["cells"][0].update(origin="claimed"), r"cells\[0\].origin: expected 'measured' as stored"),
        (lambda v: v["cells"][0].update(created="2020-01-01T00:00:00"), r"cells\[0\].created: expected '20"),
        (
            lambda v: v["runs"][0].update(command="rm"),
            r"run run-1.command: expected 'trustdm run run-1' as stored, got 'rm'",
        ),
        (lambda v: v["runs"][0].update(exit_code=1), r"run run-1.finished: expected .* as stored"),
        (lambda v: v["runs"][0]["facts"].update(machine="b"), r"run run-1.facts: expected"),
    ],
)
def test_a_file_that_contradicts_the_store_changes_nothing(
    store: Store, exported: Path, tmp_path: Path, change: Edit, message: str
) -> None:
    before, files = state(store), content(tmp_path / "results")
    path = edited(exported, change)
    with pytest.raises(RunFileError, match=message) as error:
        runimport.import_file(store, path)
    assert "\n" not in str(error.value)
    assert str(path) in str(error.value)
    assert state(store) == before
    assert {n for n in content(tmp_path / "results") if n.endswith(".bin")} == {n for n in files if n.endswith(".bin")}
    assert store.check() == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (merge_blocks, r"cells\[\d\].blocks\[0\]: .* block 4\.\.12: expected to stand apart .* overlap with 0\.\.8"),
        (move_block, r"cells\[\d\].blocks\[0\].examples: expected none that another block has"),
    ],
)
def test_blocks_of_another_labs_cell_stand_apart(exported: Path, empty: Store, change: Edit, message: str) -> None:
    runimport.import_folder(empty, exported)
    before = state(empty)
    with pytest.raises(RunFileError, match=message):
        runimport.import_file(empty, edited(exported, change))
    assert state(empty) == before


def forget_block(store: Store) -> None:
    """Takes the last block of the first cell back, as if it had never been measured."""
    with store.database.writing() as connection:
        last = connection.exec_driver_sql("SELECT max(id) FROM block WHERE cell_id = 1").scalar_one()
        for table in ("record", "diagnostic", "artefact", "block_seal"):
            connection.exec_driver_sql(f"DELETE FROM {table} WHERE block_id = {last}")
        connection.exec_driver_sql(f"DELETE FROM block WHERE id = {last}")


def test_what_this_store_measured_takes_no_block_from_a_file(store: Store, exported: Path) -> None:
    forget_block(store)
    with pytest.raises(RunFileError, match="as this database measured the cell itself, got one that it has not"):
        runimport.import_folder(store, exported)


def test_a_run_of_this_store_that_was_killed_ends_in_no_file(store: Store, exported: Path) -> None:
    with store.database.writing() as connection:
        connection.exec_driver_sql("UPDATE run SET finished = NULL, exit_code = NULL WHERE id = 'run-1'")
    with pytest.raises(RunFileError, match=r"run run-1\.finished: expected 'None' as stored"):
        runimport.import_folder(store, exported)


def test_weights_of_a_cell_of_this_store_come_from_no_file(store: Store, exported: Path) -> None:
    with store.database.writing() as connection:
        connection.exec_driver_sql("UPDATE cell SET state_digest = NULL")
    with pytest.raises(RunFileError, match=r"state_digest: expected 'None' as stored"):
        runimport.import_folder(store, exported)


def test_an_import_is_done_as_a_whole_or_not_at_all(exported: Path, empty: Store) -> None:
    def spoil(value: dict[str, Any]) -> None:
        value["cells"][-1]["blocks"][-1]["records"][0]["status"] = "x"

    with pytest.raises(RunFileError, match=r"expected (16|8) letters"):
        runimport.import_file(empty, edited(exported, spoil))
    assert state(empty) == [[], [], []]
    assert empty.collect() == 0


@pytest.mark.parametrize("verdict", ["verified", "not reproduced"])
def test_nobody_verifies_himself(store: Store, exported: Path, empty: Store, verdict: str) -> None:
    """Neither a new cell nor one that is stored takes its verification from a file."""
    path = edited(exported, lambda value: [cell.update(verification=verdict) for cell in value["cells"]])
    for target, blocks in ((store, 0), (empty, 4), (empty, 0)):
        assert runimport.import_file(target, path) == blocks
        assert {c.verification for c in target.cells(method="plain")} == {"unverified"}


def test_an_import_keeps_a_verdict_that_is_stored(store: Store, exported: Path) -> None:
    with store.database.writing() as connection:
        connection.exec_driver_sql("UPDATE cell SET verification = 'verified'")
    assert runimport.import_folder(store, exported) == 0
    assert {c.verification for c in store.cells()} == {"verified"}


def test_a_cell_that_this_store_is_said_to_have_measured(exported: Path, empty: Store) -> None:
    def forge(value: dict[str, Any]) -> None:
        for cell in value["cells"]:
            cell["lab"] = empty.lab

    message = rf"cells\[0\]\.lab: expected another store's id, got {empty.lab}, .*; import into a new database$"
    with pytest.raises(RunFileError, match=message):
        runimport.import_file(empty, edited(exported, forge))
    assert state(empty) == [[], [], []]


def test_a_lab_corrects_only_itself(exported: Path, empty: Store) -> None:
    def forge(value: dict[str, Any]) -> None:
        next(c for c in value["cells"] if c["supersedes"])["lab"] = "1" * 32

    message = r"cells\[1\].supersedes: expected another attempt at that cell by the same lab, before this one, got"
    with pytest.raises(RunFileError, match=message):
        runimport.import_file(empty, edited(exported, forge))
    assert state(empty) == [[], [], []]


def test_forged_statuses_are_refused(exported: Path, empty: Store, sample: ModuleType) -> None:
    """Every wrong row is called correct, its margin left as it was."""

    def forge(value: dict[str, Any]) -> None:
        for cell in value["cells"]:
            for line in (line for block in cell["blocks"] for line in block["records"]):
                line["status"] = line["status"].replace("w", "c")

    message = r"records: probe .*, draw \d, example \d+: status correct: expected a value of at least 0, got -"
    with pytest.raises(RunFileError, match=message):
        runimport.import_file(empty, edited(exported, forge), sample.Margins())
    assert state(empty) == [[], [], []]


def test_a_run_file_without_its_artefacts(exported: Path, empty: Store) -> None:
    for path in exported.rglob("*.npz"):
        path.unlink()
    message = r"got No such file .*; it is not in .*\.npz either; copy the whole folder that was exported$"
    with pytest.raises(RunFileError, match=message):
        runimport.import_file(empty, exported / MAIN)


def test_a_correction_needs_what_it_corrects(exported: Path, empty: Store) -> None:
    def drop(value: dict[str, Any]) -> None:
        value["cells"] = [c for c in value["cells"] if c["supersedes"] is not None]

    with pytest.raises(RunFileError, match=r"cells\[0\].supersedes: expected another attempt at that cell"):
        runimport.import_file(empty, edited(exported, drop))
    assert state(empty) == [[], [], []]


def test_a_store_without_a_folder_refuses_a_file_with_artefacts(exported: Path) -> None:
    with (
        Store.open("sqlite://") as bare,
        pytest.raises(RunFileError, match=r"blocks\[0\]: artefacts: expected a store"),
    ):
        runimport.import_file(bare, exported / MAIN)


def test_an_empty_folder_is_an_error(empty: Store, tmp_path: Path) -> None:
    with pytest.raises(RunFileError, match=r"expected run files <suite>/<method>\.json, got none"):
        runimport.import_folder(empty, tmp_path)
