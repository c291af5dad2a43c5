"""The text of a run file: its lines, its letters, its numbers."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from trustdm.bench.records import Records
from trustdm.bench.store import runfiles, runformat, runimport, runrecords
from trustdm.bench.store.fields import Field
from trustdm.bench.store.store import Store
from trustdm.bench.types import Block, Status


def test_every_status_has_a_letter_of_its_own() -> None:
    assert set(runformat.LETTERS) == set(Status)
    assert "".join(runformat.LETTERS[s] for s in Status) == "cw-fam"


def test_one_line_for_each_run_cell_block_and_probe(tmp_path: Path, sample: ModuleType) -> None:
    with Store.open(tmp_path / "bench.db") as store:
        sample.fill(store)
        (path,) = runfiles.export(store, tmp_path / "out", method="plain")
    lines = path.read_text().splitlines()
    value = json.loads(path.read_text())
    blocks = [b for c in value["cells"] for b in c["blocks"]]
    assert [line.count('{"probe":') for line in lines if '{"probe":' in line] == [1] * 3 * len(blocks)
    assert sum('{"start":' in line for line in lines) == len(blocks) == 4
    assert sum('{"uid":' in line for line in lines) == 2
    assert sum('"exit_code":' in line for line in lines) == 2
    assert '    "[budget]",' in lines


def test_the_text_is_this() -> None:
    value = {"a": [1, 2], "cells": [{"uid": "é", "blocks": []}, {"blocks": [{"x": None}]}]}
    assert runformat.render(value, 0) == (
        '{"a":[1,2],\n "cells":[\n  {"uid":"\\u00e9",\n   "blocks":[]},\n  {\n   "blocks":[\n    {"x":null}\n   ]}\n ]}'
    )
    assert json.loads(runformat.render(value, 0)) == value


def test_a_block_is_written_as_letters_and_lists(sample: ModuleType) -> None:
    nan, inf = float("nan"), float("inf")
    given = Records.of(
        "pgd", [9, 4, 7, 5, 1], [0, 1, 2, 3, 4], label=[3, 2, -1, -1, 0], value=[0.1, -0.0, nan, inf, -inf]
    )
    content = runformat.block_content(sample.row(Block(0, 5)), given, {"b": 1.0, "a": 2.0}, {})
    assert content["examples"] == [1, 4, 5, 7, 9]
    (line,) = content["records"]  # type: ignore[misc]
    assert line == {
        "probe": "pgd",
        "draw": 0,
        "status": "awf-c",
        "label": [0, 2, None, None, 3],
        "value": ["-inf", -0.0, "inf", None, 0.1],
        "norm": None,
    }
    assert list(content["diagnostics"]) == ["a", "b"]  # type: ignore[call-overload]


@settings(deadline=None, max_examples=60)
@given(
    values=hnp.arrays(np.float64, 6, elements=st.floats(width=64)),
    norms=hnp.arrays(np.float64, 6, elements=st.floats(min_value=0) | st.just(float("nan"))),
    labels=hnp.arrays(np.int64, 6, elements=st.integers(-1, 2**31 - 1)),
    status=hnp.arrays(np.int8, 6, elements=st.integers(0, 4)),
    probe=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1),
)
def test_records_survive_the_text(
    values: np.ndarray, norms: np.ndarray, labels: np.ndarray, status: np.ndarray, probe: str
) -> None:
    given_ = Records.of(probe, np.arange(6) * 3, status, draw=2, label=labels, value=values, norm=norms)
    lines = json.loads(runformat.render(runformat._probes(given_), 0))
    back = runrecords.parse(Field(lines, "here"), [0, 3, 6, 9, 12, 15])
    assert back.equals(given_)
    for name in ("value", "norm"):
        pairs = zip(getattr(back, name), getattr(given_, name), strict=True)
        assert all(a.tobytes() == b.tobytes() or (np.isnan(a) and np.isnan(b)) for a, b in pairs)


def test_the_same_store_gives_the_same_bytes_whatever_the_ids(tmp_path: Path, sample: ModuleType) -> None:
    """Run files carried over one by one, in the other order, are exported the same."""
    with Store.open(tmp_path / "a" / "bench.db") as store:
        sample.fill(store)
        paths = runfiles.export(store, tmp_path / "a" / "out")
    with Store.open(tmp_path / "b" / "bench.db") as store:
        for path in reversed(paths):
            runimport.import_file(store, path)
        again = runfiles.export(store, tmp_path / "b" / "out")
    assert [p.read_bytes() for p in again] == [p.read_bytes() for p in paths]


@pytest.mark.parametrize("value", [0.1, 5e-324, 1e300, -0.0])
def test_floats_have_the_digits_it_takes(value: float) -> None:
    assert json.loads(runformat.render([value], 0))[0].hex() == value.hex()
