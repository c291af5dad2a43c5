"""Run files: which there are, what they are called, out and in without loss."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from trustdm.bench.errors import StoreError
from trustdm.bench.store import runfiles, runimport
from trustdm.bench.store.store import Store
from trustdm.bench.types import Block

Edit = Callable[[dict[str, Any]], object]
MAIN = "digits-linf/plain.json"


def content(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_one_file_for_each_suite_and_method(store: Store, tmp_path: Path, sample: ModuleType) -> None:
    sample.fill(store)
    more = sample.cell(store, suite="mnist16-linf")
    store.commit(more.id, sample.row(Block(0, 8)), sample.records(Block(0, 8)))
    paths = runfiles.export(store, tmp_path / "out")
    names = [str(p.relative_to(tmp_path / "out")) for p in paths]
    mark = runfiles.file_name(sample.identity(method="other", method_params=(("eps", 0.1), ("steps", 4))))
    assert names == [mark, MAIN, "mnist16-linf/plain.json"]
    assert runfiles.export(store, tmp_path / "one", suite="mnist16-linf") == [tmp_path / "one/mnist16-linf/plain.json"]
    assert runfiles.export(store, tmp_path / "two", method="nobody") == []
    assert runfiles.export(store, tmp_path / "two", suite="nothing") == []


def test_cells_without_blocks_are_not_exported(store: Store, empty: Store, tmp_path: Path, sample: ModuleType) -> None:
    """What a cell corrects is then the nearest attempt that was exported."""
    sample.run(store)
    block = Block(0, 8)
    first, lost, third = (sample.cell(store, fresh=True) for _ in range(3))
    sample.cell(store, method="nobody")
    for cell in (first, third):
        store.commit(cell.id, sample.row(block), sample.records(block))
    assert runfiles.export(store, tmp_path / "out") == [tmp_path / "out" / MAIN]
    value = json.loads((tmp_path / "out" / MAIN).read_text())
    assert [(c["uid"], c["supersedes"]) for c in value["cells"]] == [(first.uid, None), (third.uid, first.uid)]
    before = store.cells()
    assert runimport.import_folder(store, tmp_path / "out") == 0
    assert store.cells() == before
    assert runimport.import_folder(empty, tmp_path / "out") == 2
    assert [c.superseded for c in empty.cells()] == [True, False]

    store.commit(lost.id, sample.row(block), sample.records(block))
    runfiles.export(store, tmp_path / "later")
    assert runimport.import_folder(empty, tmp_path / "later") == 1
    ids = {c.uid: c.id for c in empty.cells()}
    links = {c.uid: c.supersedes for c in empty.cells()}
    assert links == {first.uid: None, lost.uid: ids[first.uid], third.uid: ids[lost.uid]}
    assert runimport.import_folder(empty, tmp_path / "out") == 0
    assert {c.uid: c.supersedes for c in empty.cells()} == links
    assert empty.check() == []


def test_out_and_in_and_out_is_the_same_bytes(exported: Path, empty: Store, tmp_path: Path) -> None:
    assert runimport.import_folder(empty, exported) == 5
    assert empty.check() == []
    runfiles.export(empty, tmp_path / "again")
    assert content(tmp_path / "again") == content(exported)
    assert len(content(exported)) == 2 + 1  # the run files, and the arrays of the one that has some


def test_exporting_again_writes_the_same(store: Store, exported: Path, tmp_path: Path) -> None:
    before, times = content(exported), {p: p.stat().st_mtime_ns for p in exported.rglob("*")}
    runfiles.export(store, exported)
    assert content(exported) == before
    assert {p: p.stat().st_mtime_ns for p in exported.rglob("*")} == times


@pytest.mark.parametrize("name", ["../../etc", "a/b", "", ".", "a\nb"])
def test_a_name_that_leaves_the_folder_is_replaced(store: Store, tmp_path: Path, sample: ModuleType, name: str) -> None:
    sample.run(store)
    for changes in ({"suite": name}, {"method": name}, {}):
        cell = sample.cell(store, **changes)
        store.commit(cell.id, sample.row(Block(0, 8)), sample.records(Block(0, 8)))
    files = [path.relative_to(tmp_path / "out").as_posix() for path in runfiles.export(store, tmp_path / "out")]
    assert len(set(files)) == 3 and "digits-linf/plain.json" in files
    assert sum("~" in file for file in files) == 2 and all(file.count("/") == 1 for file in files)
    assert {path.parent.parent for path in (tmp_path / "out").rglob("*.json")} == {tmp_path / "out"}


def test_a_method_named_like_a_variant_of_another_has_a_file_of_its_own(sample: ModuleType) -> None:
    variant = runfiles.file_name(sample.identity(method="foo", method_params=(("width", 4),)))
    named = runfiles.file_name(sample.identity(method=Path(variant).stem))
    assert named != variant and named.startswith(variant.removesuffix(".json") + "-")
    assert runfiles.file_name(sample.identity(method="foo")) == "digits-linf/foo.json"


def test_a_missing_shard_stops_the_export(store: Store, tmp_path: Path, sample: ModuleType) -> None:
    sample.fill(store)
    assert store.shards is not None
    next(store.shards.files()).unlink()
    with pytest.raises(StoreError, match="expected the artefact"):
        runfiles.export(store, tmp_path / "out")


def test_a_folder_that_cannot_be_written(store: Store, tmp_path: Path, sample: ModuleType) -> None:
    sample.fill(store)
    (tmp_path / "out").write_text("")
    with pytest.raises(
        StoreError, match=r"out/digits-linf/.*json: cannot be written: .*; expected a folder that can be written"
    ):
        runfiles.export(store, tmp_path / "out")
