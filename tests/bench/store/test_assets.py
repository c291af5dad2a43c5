"""Prepared assets: noted once for a cell, never mixed, out and in without loss."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from trustdm.bench.errors import CodeChanged, RunFileError
from trustdm.bench.store import assets, runfiles, runimport
from trustdm.bench.store.store import Store
from trustdm.bench.types import Block, Cost

OTHER = "f" * 64
"""Another content."""


def test_a_cell_knows_what_it_was_computed_from(store: Store, sample: ModuleType) -> None:
    cell, used = sample.cell(store), {"weights": sample.asset(), "a": sample.asset("measure")}
    assert store.assets(cell.id) == {}
    store.link_assets(cell.id, {})
    store.link_assets(cell.id, used)
    assert store.assets(cell.id) == used
    assert store.assets(sample.cell(store, seed=1).id) == {}
    with store.database.reading() as connection:
        assert assets.rows(connection) == sorted(used.values(), key=lambda row: row.key)
        assert assets.names(connection) == {cell.id: [f"a/{'e' * 64}", f"weights/{'e' * 64}"]}


def test_linking_again_changes_nothing_and_another_content_is_refused(store: Store, sample: ModuleType) -> None:
    cell, row = sample.cell(store), sample.asset()
    store.link_assets(cell.id, {"weights": row})
    dearer = replace(row, cost=Cost(wall=9.0), code_digest="code-3")
    store.link_assets(cell.id, {"weights": dearer})
    assert store.assets(cell.id) == {"weights": row}
    message = r"asset weights: expected content eeeeeeeeeeee, as .*, got ffffffffffff"
    with pytest.raises(CodeChanged, match=message) as error:
        store.link_assets(cell.id, {"new": sample.asset("measure"), "weights": replace(row, content=OTHER)})
    assert "\n" not in str(error.value)
    assert store.assets(cell.id) == {"weights": row}


def test_two_labs_may_have_other_contents_of_the_same_asset(store: Store, sample: ModuleType) -> None:
    """Trained twice, weights differ; each cell keeps those that it was computed from."""
    one, two = sample.cell(store), sample.cell(store, seed=1)
    rows = [sample.asset(), sample.asset(content=OTHER)]
    for cell, row in zip((one, two), rows, strict=True):
        store.link_assets(cell.id, {"weights": row})
    assert [store.assets(c.id)["weights"] for c in (one, two)] == rows
    assert store.check() == []


def test_a_key_that_is_not_the_hash_of_its_identity_is_seen(store: Store, sample: ModuleType) -> None:
    row = replace(sample.asset(), identity='{"step":"another"}')
    store.link_assets(sample.cell(store).id, {"weights": row})
    (line,) = store.check()
    assert line.startswith(f"asset {row.key[:12]}: expected ") and line.endswith(f"got {row.key}")


def test_an_older_database_that_is_only_read_has_none(tmp_path: Path, sample: ModuleType) -> None:
    golden = Path(__file__).parents[2] / "golden" / "v2.db"
    (tmp_path / "bench.db").write_bytes(golden.read_bytes())
    with Store.open(tmp_path / "bench.db", read_only=True) as store, store.database.reading() as connection:
        assert assets.of_cell(connection, 1) == {}
        assert assets.names(connection) == {}
        assert assets.rows(connection) == []


@pytest.fixture
def exported(store: Store, tmp_path: Path, sample: ModuleType) -> Path:
    """The run file of a cell with two assets."""
    sample.fill(store)
    (path,) = runfiles.export(store, tmp_path / "out", method="other")
    return path


def test_assets_travel_with_the_run_file(exported: Path, tmp_path: Path, sample: ModuleType) -> None:
    value = json.loads(exported.read_text())
    uid = value["cells"][0]["uid"]
    assert {row["identity"] for row in value["assets"]} == {'{"step":"train"}', '{"step":"measure"}'}
    assert set(value["uses"]) == {uid} and set(value["uses"][uid]) == {"statistics", "weights"}
    with Store.open(tmp_path / "new" / "bench.db") as store:
        for added in (1, 0):
            assert runimport.import_file(store, exported) == added
            (cell,) = store.cells()
            assert store.assets(cell.id) == {"weights": sample.asset(), "statistics": sample.asset("measure")}
        (again,) = runfiles.export(store, tmp_path / "again")
        assert again.read_bytes() == exported.read_bytes()
        assert store.check() == []


def test_a_file_of_cells_without_assets_says_nothing_of_them(store: Store, tmp_path: Path, sample: ModuleType) -> None:
    sample.fill(store)
    (path,) = runfiles.export(store, tmp_path / "out", method="plain")
    assert not {"assets", "uses"} & set(json.loads(path.read_text()))


def recontent(value: dict[str, Any]) -> None:
    """The file says that the cell was computed from another content of each asset."""
    for row in value["assets"]:
        row["content"] = OTHER
    for names in value["uses"].values():
        for pair in names.values():
            pair[1] = OTHER


def rename(value: dict[str, Any]) -> None:
    value["assets"][0]["identity"] = '{"step":"x"}'


def lose(value: dict[str, Any]) -> None:
    del value["assets"][0]


def double(value: dict[str, Any]) -> None:
    value["assets"].append(value["assets"][0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (recontent, r"cells\[0\]: asset statistics: expected .* as stored, got"),
        (rename, r"assets\[0\].key: expected the SHA-256 of the identity"),
        (lose, r"uses\..*: expected the key and content of one of the file's assets"),
        (double, r"assets: expected each of them once"),
        (lambda value: value["assets"][0].update(bytes=-1), r"assets\[0\].bytes: expected an integer from 0"),
        (lambda value: value["assets"][0].update(run="x"), r"assets\[0\]: expected key, content"),
        (lambda value: value["uses"].update(x={}), r"uses\.x: expected the uid of one of the file's cells, got x"),
        (lambda value: value.update(uses=[]), r"uses: expected an object"),
    ],
)
def test_what_contradicts_itself_or_the_store_is_refused(
    store: Store, exported: Path, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    before = [store.assets(cell.id) for cell in store.cells()]
    value = json.loads(exported.read_text())
    change(value)
    exported.write_text(json.dumps(value))
    with pytest.raises(RunFileError, match=message) as error:
        runimport.import_file(store, exported)
    assert "\n" not in str(error.value) and str(exported) in str(error.value)
    assert [store.assets(cell.id) for cell in store.cells()] == before


def test_a_block_of_a_cell_is_not_needed_to_note_its_assets(store: Store, sample: ModuleType) -> None:
    """They are noted before the first block is committed, so that no block is without them."""
    cell = sample.cell(store)
    store.link_assets(cell.id, {"weights": sample.asset()})
    sample.run(store)
    assert store.commit(cell.id, sample.row(Block(0, 8)), sample.records(Block(0, 8)))
    assert store.check() == []
