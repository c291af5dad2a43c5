"""Exported again is only what has changed, and that is the same as if all had been."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from trustdm.bench.errors import StoreError
from trustdm.bench.store import runfiles
from trustdm.bench.store.packed import LARGE
from trustdm.bench.store.store import Store
from trustdm.bench.types import Block

MAIN = "digits-linf/plain.json"


@pytest.fixture
def filled(store: Store, sample: ModuleType) -> Store:
    sample.fill(store)
    cell = sample.cell(store, suite="mnist16-linf")
    store.commit(cell.id, sample.row(Block(0, 8)), sample.records(Block(0, 8)), {}, {"x": np.zeros(LARGE // 8)})
    return store


@pytest.fixture
def exported(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The names of the run files that are made meanwhile."""
    names: list[str] = []
    make = runfiles._export

    def noted(connection: object, shards: object, path: Path, cells: object) -> list[Path]:
        names.append(f"{path.parent.name}/{path.name}")
        return make(connection, shards, path, cells)  # type: ignore[arg-type]

    monkeypatch.setattr(runfiles, "_export", noted)
    yield names


def files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def same_as_all(store: Store, out: Path, tmp_path: Path) -> bool:
    runfiles.export(store, tmp_path / "all")
    return files(out) == files(tmp_path / "all")


def test_what_is_known_is_not_made_again(filled: Store, tmp_path: Path, exported: list[str]) -> None:
    known = runfiles.export_changed(filled, tmp_path / "out", {})
    assert sorted(known) == sorted(exported) and len(known) == 3
    assert same_as_all(filled, tmp_path / "out", tmp_path)
    exported.clear()
    assert runfiles.export_changed(filled, tmp_path / "out", known) == known
    assert exported == []


def test_a_block_or_the_end_of_a_run_makes_its_file_anew(
    filled: Store, tmp_path: Path, sample: ModuleType, exported: list[str]
) -> None:
    other = runfiles.file_name(sample.identity(method="other", method_params=(("eps", 0.1), ("steps", 4))))
    cell, out = filled.cells()[0], tmp_path / "out"
    known = runfiles.export_changed(filled, out, {})
    steps = [
        (lambda: filled.commit(cell.id, sample.row(Block(32, 40)), sample.records(Block(32, 40))), {MAIN}),
        (lambda: filled.finish_run("run-2", 0), {MAIN, other}),
        (lambda: filled.commit(3, sample.row(Block(0, 8)), sample.records(Block(0, 8))), {other}),
        (lambda: sample.cell(filled, fresh=True), set()),
        (lambda: sample.run(filled, "run-3"), set()),
    ]
    for change, names in steps:
        exported.clear()
        change()
        later = runfiles.export_changed(filled, out, known)
        assert set(exported) == names == {name for name in later if later[name] != known.get(name)}
        assert same_as_all(filled, out, tmp_path)
        known = later


def test_what_is_missing_is_made_again(filled: Store, tmp_path: Path, exported: list[str]) -> None:
    out = tmp_path / "out"
    known = runfiles.export_changed(filled, out, {})
    large = next(out.glob("*/artefacts/*.npy"))
    for path, name in ((out / MAIN, MAIN), ((out / MAIN).with_suffix(".npz"), MAIN), (large, "mnist16-linf/plain.json")):
        exported.clear()
        path.unlink()
        assert runfiles.export_changed(filled, out, known) == known
        assert exported == [name]
        assert same_as_all(filled, out, tmp_path)


def test_some_of_it(filled: Store, tmp_path: Path) -> None:
    known = runfiles.export_changed(filled, tmp_path / "out", {})
    some = [
        runfiles.export_changed(filled, tmp_path / "a", {}, suite="mnist16-linf"),
        runfiles.export_changed(filled, tmp_path / "b", {}, method="plain", suites=["digits-linf"]),
        runfiles.export_changed(filled, tmp_path / "c", {}, method="nobody"),
    ]
    assert some == [{name: known[name] for name in part} for part in (["mnist16-linf/plain.json"], [MAIN], [])]


def test_another_layout_makes_all_anew(
    filled: Store, tmp_path: Path, exported: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    known = runfiles.export_changed(filled, tmp_path / "out", {})
    exported.clear()
    monkeypatch.setattr(runfiles, "LAYOUT", runfiles.LAYOUT + 1)
    later = runfiles.export_changed(filled, tmp_path / "out", known)
    assert set(exported) == set(known) and not set(known.values()) & set(later.values())


@pytest.mark.parametrize("wrong", ["", "x", "\n", "\n../../etc"])
def test_known_that_says_something_else_makes_all_anew(
    filled: Store, tmp_path: Path, exported: list[str], wrong: str
) -> None:
    known = runfiles.export_changed(filled, tmp_path / "out", {})
    exported.clear()
    assert runfiles.export_changed(filled, tmp_path / "out", dict.fromkeys([*known, "gone.json"], wrong)) == known
    assert set(exported) == set(known)


def test_a_folder_that_cannot_be_written_is_one_line(filled: Store, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(StoreError, match="cannot be written") as error:
        runfiles.export_changed(filled, tmp_path / "out", {})
    assert "\n" not in str(error.value)
