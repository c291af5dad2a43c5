"""The store as a whole: what goes in comes out, once, and nothing that is finished changes."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from trustdm.bench.errors import CodeChanged, StoreError
from trustdm.bench.records import Records, failed
from trustdm.bench.store import store as store_module
from trustdm.bench.store.store import Store
from trustdm.bench.types import Block, Cost, Origin, RunInfo, Status, Verification

FIRST = Block(0, 16)


def start(sample: ModuleType, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(sample.__file__), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_block_comes_back_bit_for_bit(store: Store, sample: ModuleType) -> None:
    cell = sample.cell(store)
    sample.run(store)
    given, row = sample.records(FIRST), sample.row(FIRST)
    assert store.commit(cell.id, row, given, {"checked": 16}, sample.arrays(FIRST))
    back = store.records(cell.id)
    assert back.equals(given)
    wanted = given.sorted()
    for name in ("value", "norm"):
        assert sample.bits(getattr(back, name)) == sample.bits(getattr(wanted, name))
    assert {name: getattr(back, name).dtype for name in ("example", "draw", "status", "label", "value", "norm")} == {
        name: getattr(given, name).dtype for name in ("example", "draw", "status", "label", "value", "norm")
    }
    assert store.blocks(cell.id) == {0: row}
    assert store.check() == []


def test_artefacts_come_back(store: Store, sample: ModuleType) -> None:
    cell = sample.cell(store)
    sample.run(store)
    given = sample.arrays(FIRST)
    store.commit(cell.id, sample.row(FIRST), sample.records(FIRST), {}, given)
    assert store.artefact_names(cell.id) == [(0, name) for name in sorted(given)]
    for name, array in given.items():
        back = store.artefact(cell.id, 0, name)
        assert back.dtype == array.dtype
        np.testing.assert_array_equal(back, array, strict=True)
    with pytest.raises(StoreError, match=r"block at 0: expected one of its artefacts \(big endian, .*, got 'logits'"):
        store.artefact(cell.id, 0, "logits")


def test_a_stored_block_never_changes(store: Store, sample: ModuleType) -> None:
    cell = sample.cell(store)
    sample.run(store)
    given = sample.records(FIRST)
    assert store.commit(cell.id, sample.row(FIRST), given, {"n": 1})
    late = sample.row(FIRST, device="cuda", attempts=2)
    assert not store.commit(cell.id, late, sample.records(FIRST, seed=9), {"n": 2}, sample.arrays(FIRST))
    assert store.records(cell.id).equals(given)
    assert store.blocks(cell.id) == {0: sample.row(FIRST)}
    result = store.result(cell)
    assert result.diagnostics == {"n": 1}
    assert store.artefact_names(cell.id) == []


def test_the_same_identity_is_the_same_cell(store: Store, sample: ModuleType) -> None:
    first = sample.cell(store)
    assert sample.cell(store) == first
    assert first.attempt == 1
    assert first.identity == sample.identity()
    assert first.key == sample.identity().key
    assert first.card == sample.CARD
    assert first.suite_content == sample.CONTENT
    assert (first.origin, first.verification) == (Origin.MEASURED, Verification.UNVERIFIED)
    assert sample.cell(store, seed=1).id != first.id


def test_resuming_with_other_code_returns_the_code_it_was_started_with(store: Store, sample: ModuleType) -> None:
    sample.cell(store)
    again = store.cell(sample.identity(), planned=64, code_digest="code-2", card=sample.CARD, suite_content="")
    assert again.code_digest == "code-1"


def test_params_come_back_as_tuples(store: Store, sample: ModuleType) -> None:
    params = (("eps", 0.1), ("name", "x"), ("layers", (1, 2)), ("on", True))
    cell = sample.cell(store, method_params=params)
    assert cell.identity.method_params == params
    assert store.cells()[0].identity.key == cell.key


def test_a_fresh_cell_supersedes_the_newest(store: Store, sample: ModuleType) -> None:
    old = sample.cell(store)
    new = sample.cell(store, fresh=True)
    assert (new.attempt, new.supersedes, new.superseded) == (2, old.id, False)
    assert [c.superseded for c in store.cells()] == [False, False]
    sample.run(store)
    store.commit(new.id, sample.row(FIRST), sample.records(FIRST))
    assert [c.superseded for c in store.cells()] == [True, False]
    assert sample.cell(store).id == new.id
    assert [r.superseded for r in store.results()] == [True, False]
    assert len({old.uid, new.uid}) == 2


def test_an_attempt_without_blocks_supersedes_nothing_yet_but_passes_it_on(store: Store, sample: ModuleType) -> None:
    """--fresh, killed before the first block, then --fresh again: the first attempt counts until the third has one."""
    sample.run(store)
    first = sample.cell(store)
    store.commit(first.id, sample.row(FIRST), sample.records(FIRST))
    second, third = sample.cell(store, fresh=True), sample.cell(store, fresh=True)
    assert (second.supersedes, third.supersedes) == (first.id, second.id)
    assert [c.superseded for c in store.cells()] == [False, False, False]
    assert [r.superseded for r in store.results()] == [False, False, False]
    store.commit(third.id, sample.row(FIRST), sample.records(FIRST))
    assert [c.superseded for c in store.cells()] == [True, True, False]


def test_a_fresh_cell_needs_no_old_one(store: Store, sample: ModuleType) -> None:
    assert sample.cell(store, fresh=True).supersedes is None


def test_state_digest_is_set_once(store: Store, sample: ModuleType) -> None:
    cell = sample.cell(store)
    assert cell.state_digest is None
    for _ in range(2):
        store.set_state_digest(cell.id, "a" * 64)
    assert store.cells()[0].state_digest == "a" * 64
    with pytest.raises(CodeChanged, match=f"cell {cell.id}: expected loaded weights aaaaaaaaaaaa .* got bbbbbbbbbbbb"):
        store.set_state_digest(cell.id, "b" * 64)
    assert store.cells()[0].state_digest == "a" * 64


def test_failed_blocks_can_be_run_again(store: Store, sample: ModuleType) -> None:
    cell = sample.cell(store)
    sample.run(store)
    later = Block(16, 32)
    store.commit(cell.id, sample.row(FIRST), sample.records(FIRST), {"n": 1}, sample.arrays(FIRST))
    lost = sample.row(later, status="failed", error="ContractError: NaN")
    assert store.commit(cell.id, lost, failed(sample.examples_of(later)), {"n": 2}, {"x": np.ones(3)})
    assert store.result(cell).errors == ("ContractError: NaN",)
    assert store.commit(cell.id, sample.row(later), sample.records(later), {"m": 3})
    assert store.blocks(cell.id) == {0: sample.row(FIRST), 16: sample.row(later)}
    assert store.records(cell.id).equals(Records.concat([sample.records(FIRST), sample.records(later)]))
    assert store.result(cell).diagnostics == {"n": 1, "m": 3}
    assert store.result(cell).errors == ()
    assert store.artefact_names(cell.id) == [(0, name) for name in sorted(sample.arrays(FIRST))]
    assert not store.commit(cell.id, lost, failed(sample.examples_of(later)))
    assert store.check() == []


def test_a_failed_block_may_fail_again(store: Store, sample: ModuleType) -> None:
    cell = sample.cell(store)
    sample.run(store)
    for error in ("first", "second"):
        lost = sample.row(FIRST, status="failed", error=error)
        assert store.commit(cell.id, lost, failed(sample.examples_of(FIRST)))
    assert store.result(cell).errors == ("second",)
    assert len(store.records(cell.id)) == len(FIRST)


def test_a_failed_block_stays_when_the_new_result_cannot_be_stored(store: Store, sample: ModuleType) -> None:
    cell = sample.cell(store)
    sample.run(store)
    lost = sample.row(FIRST, status="failed", error="first")
    store.commit(cell.id, lost, failed(sample.examples_of(FIRST)))
    with pytest.raises(StoreError, match="diagnostic 'n': expected a finite number"):
        store.commit(cell.id, sample.row(FIRST), sample.records(FIRST), {"n": float("inf")})
    with pytest.raises(StoreError, match="overlap with"):
        store.commit(cell.id, sample.row(Block(0, 8)), sample.records(Block(0, 8)))
    assert store.blocks(cell.id) == {0: lost}
    assert len(store.records(cell.id)) == len(FIRST)


def test_a_result_adds_up_its_blocks(store: Store, sample: ModuleType) -> None:
    cell = sample.cell(store)
    sample.run(store)
    blocks = [Block(0, 8), Block(8, 16)]
    costs = [Cost(1.5, 1.0, 10, 3, 700), Cost(2.0, 0.5, 20, 4, 500)]
    for block, cost in zip(blocks, costs, strict=True):
        store.commit(cell.id, sample.row(block, cost=cost), sample.records(block), {"n": 2.0, f"only {block.start}": 1})
    result = store.result(cell)
    assert result.cost == Cost(3.5, 1.5, 30, 7, 700)
    assert result.diagnostics == {"n": 4.0, "only 0": 1, "only 8": 1}
    assert result.records.equals(Records.concat(sample.records(b) for b in blocks))
    assert (result.identity, result.planned, result.card, result.errors) == (cell.identity, 64, cell.card, ())


def test_results_and_cells_of_one_suite_or_method(store: Store, sample: ModuleType) -> None:
    here, there = sample.cell(store), sample.cell(store, suite="mnist16-linf", method="other")
    assert [c.id for c in store.cells(suite="mnist16-linf")] == [there.id]
    assert [c.id for c in store.cells(method="plain")] == [here.id]
    assert store.cells(suite="mnist16-linf", method="plain") == []
    assert [r.id for r in store.results("digits-linf")] == [here.id]
    assert len(store.results()) == 2
    assert len(store.results()[0].records) == 0


def test_runs_keep_their_provenance(store: Store, sample: ModuleType) -> None:
    info = RunInfo("id-1", "2025-01-01T00:00:00+00:00", "trustdm run x", "abc", True, {"torch": "2.6", "a": ""})
    store.begin_run(info)
    store.begin_run(RunInfo("id-2", "2025-01-02T00:00:00+00:00", "trustdm run y", "", None))
    store.finish_run("id-1", 2)
    store.finish_run("id-1", 0)
    first, second = store.runs()
    assert (first.id, first.started, first.command, first.commit, first.dirty, first.facts, first.exit_code) == (
        *(info.id, info.started, info.command, info.commit, info.dirty, info.facts),
        2,
    )
    assert first.finished is not None
    assert (second.id, second.dirty, second.exit_code, second.finished, second.facts) == ("id-2", None, None, None, {})
    cell = sample.cell(store)
    store.commit(cell.id, sample.row(FIRST, "id-2"), sample.records(FIRST))
    assert [r.id for r in store.runs(cell.id)] == ["id-2"]
    with pytest.raises(StoreError, match="run id-3: expected one that was begun"):
        store.finish_run("id-3", 0)


@pytest.mark.parametrize(
    ("block", "message"),
    [
        (Block(8, 24), r"block 8\.\.24: expected to stand apart from the others, got an overlap with 0\.\.16"),
        (Block(0, 8), r"block 0\.\.8: expected to stand apart .* overlap with 0\.\.16"),
        (Block(60, 68), r"expected a block within 0\.\.64, got 60\.\.68"),
    ],
)
def test_blocks_that_do_not_fit_are_refused(store: Store, sample: ModuleType, block: Block, message: str) -> None:
    cell = sample.cell(store)
    sample.run(store)
    store.commit(cell.id, sample.row(FIRST), sample.records(FIRST))
    with pytest.raises(StoreError, match=message):
        store.commit(cell.id, sample.row(block), sample.records(block))
    assert list(store.blocks(cell.id)) == [0]


def test_a_commit_that_fails_leaves_nothing(store: Store, sample: ModuleType) -> None:
    cell = sample.cell(store)
    sample.run(store)
    with pytest.raises(StoreError, match="diagnostic 'n': expected a finite number, got nan"):
        store.commit(cell.id, sample.row(FIRST), sample.records(FIRST), {"n": float("nan")})
    with pytest.raises(StoreError, match="artefact 'x': expected an array of numbers, got object"):
        store.commit(cell.id, sample.row(FIRST), sample.records(FIRST), {}, {"x": np.array([{}])})
    assert store.blocks(cell.id) == {}
    assert len(store.records(cell.id)) == 0
    assert store.collect() == 0


def test_collect_removes_what_nothing_refers_to(store: Store, sample: ModuleType) -> None:
    cell = sample.cell(store)
    sample.run(store)
    store.commit(cell.id, sample.row(FIRST), sample.records(FIRST), {}, sample.arrays(FIRST))
    assert store.collect() == 0
    lost = sample.row(Block(16, 32), status="failed")
    store.commit(cell.id, lost, failed(sample.examples_of(Block(16, 32))), {}, {"x": np.ones(5)})
    store.commit(cell.id, lost, failed(sample.examples_of(Block(16, 32))))
    assert store.shards is not None
    (store.shards.folder / ".unfinished-of-a-killed-writer").write_bytes(b"123")
    assert store.collect() == 40 + 3
    assert store.collect() == 0
    np.testing.assert_array_equal(store.artefact(cell.id, 0, "labels"), sample.arrays(FIRST)["labels"])
    assert store.check() == []


def test_two_blocks_with_the_same_arrays_share_a_shard(store: Store, sample: ModuleType) -> None:
    cell = sample.cell(store)
    sample.run(store)
    for block in (Block(0, 8), Block(8, 16)):
        store.commit(cell.id, sample.row(block), sample.records(block), {}, {"x": np.ones(5)})
    assert store.shards is not None
    assert len(list(store.shards.files())) == 1
    np.testing.assert_array_equal(store.artefact(cell.id, 8, "x"), np.ones(5))


def test_a_store_without_a_folder_refuses_artefacts(sample: ModuleType) -> None:
    with Store.open("sqlite://") as store:
        cell = sample.cell(store)
        sample.run(store)
        with pytest.raises(StoreError, match=":memory:: expected a folder for artefacts, got none"):
            store.commit(cell.id, sample.row(FIRST), sample.records(FIRST), {}, sample.arrays(FIRST))
        assert store.commit(cell.id, sample.row(FIRST), sample.records(FIRST))


def test_a_store_opened_for_reading_reads_and_refuses_to_write(url: str, tmp_path: Path, sample: ModuleType) -> None:
    folder = tmp_path / "results" / "artefacts"
    with Store.open(url, artefacts=folder) as store:
        cells = sample.fill(store)
    with Store.open(url, read_only=True, artefacts=folder) as store:
        assert store.cells() == cells
        assert store.check() == []
        assert len(store.artefact(cells[0].id, 0, "x_adv")) == 8
        with pytest.raises(StoreError, match="opened for reading only"):
            sample.cell(store, seed=5)


def test_two_processes_commit_each_block_once(tmp_path: Path, sample: ModuleType) -> None:
    path = tmp_path / "new" / "bench.db"
    writers = [start(sample, str(path), "many", str(i)) for i in range(2)]
    said = [w.communicate(timeout=120) for w in writers]
    assert [w.returncode for w in writers] == [0, 0], said
    own = [{int(line) for line in out.split()} for out, _ in said]
    assert sorted([*own[0], *own[1]]) == [8 * i for i in range(40)]
    with Store.open(path) as store:
        (cell,) = store.cells()
        blocks = store.blocks(cell.id)
        for i, starts in enumerate(own):
            assert {s for s, b in blocks.items() if b.run_id == f"run-{i}"} == starts
        assert store.records(cell.id).equals(Records.concat(sample.records(b.block) for b in blocks.values()))
        assert store.check() == []
        assert store.collect() == 0


def test_killed_within_a_commit(tmp_path: Path, sample: ModuleType) -> None:
    path = tmp_path / "bench.db"
    killed = start(sample, str(path), "die")
    killed.communicate(timeout=60)
    assert killed.returncode == -9
    with Store.open(path) as store:
        (cell,) = store.cells()
        assert list(store.blocks(cell.id)) == [0]
        assert store.records(cell.id).equals(sample.records(Block(0, 8)))
        assert store.check() == []
        left = store.collect()
        assert left == sum(a.nbytes for a in sample.arrays(Block(8, 16)).values())
        assert store.commit(
            cell.id, sample.row(Block(8, 16)), sample.records(Block(8, 16)), {"n": 1}, sample.arrays(Block(8, 16))
        )
        assert store.check() == []


def test_killed_at_any_moment(tmp_path: Path, sample: ModuleType) -> None:
    path, announced = tmp_path / "bench.db", set[int]()
    for round_ in range(4):
        writer = start(sample, str(path), "for-ever", str(round_))
        assert writer.stdout is not None
        announced.add(int(writer.stdout.readline()))
        time.sleep(0.03 * round_)
        writer.kill()
        announced |= {int(line) for line in writer.communicate()[0].split()}
        with Store.open(path) as store:
            (cell,) = store.cells()
            blocks = store.blocks(cell.id)
            assert announced <= set(blocks)
            assert len(blocks) - len(announced) <= round_ + 1
            assert store.check() == []
    with Store.open(path) as store:
        expected = Records.concat(sample.records(b.block) for b in store.blocks(cell.id).values())
        assert store.records(cell.id).equals(expected)
        assert set(np.unique(expected.status)) == {int(s) for s in Status if s is not Status.MADE}


def test_a_url_says_where_its_artefacts_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "open_database", lambda where, **_: where)
    server = "postgresql+psycopg://ann:secret@host/bench"
    for url, where, folder in (
        (f"{server}?artefacts=/srv/kept&sslmode=on", f"{server}?sslmode=on", Path("/srv/kept")),
        (f"{server}?sslmode=on", f"{server}?sslmode=on", Path("results/artefacts")),
        ("sqlite:////a/b.db?artefacts=/c", "sqlite:////a/b.db", Path("/c")),
        ("a/b.db", "a/b.db", Path("a/artefacts")),
        ("sqlite://", "sqlite://", None),
    ):
        opened = Store.open(url, read_only=True)
        assert opened.database == where
        assert (opened.shards.folder if opened.shards else None) == folder
    assert Store.open(server, read_only=True, artefacts=tmp_path).shards.folder == tmp_path  # type: ignore[union-attr]
    with pytest.raises(StoreError, match=r"ann:\*\*\*@host/bench\S*: expected one folder in artefacts=, got 2"):
        Store.open(f"{server}?artefacts=a&artefacts=b")
