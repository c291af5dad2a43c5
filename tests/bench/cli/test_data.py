"""data digest: what the table [data] of a suite has to say."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from trustdm.bench.cli.data import value_of
from trustdm.bench.plugins import load_suite


def test_the_table_of_an_npz_file(trustdm: Any, cells: Path) -> None:
    ran = trustdm("data", "digest", "cells.npz")
    assert ran.code == 0 and ran.out.startswith("# 40 examples; of class 0: 10, 1: 10, 2: 10, 3: 10\n[data]\n")
    table = tomllib.loads(ran.out)["data"]
    assert (table["dataset"], table["shape"], table["classes"]) == ("npz", [3, 6, 5], 4)
    assert set(table["options"]) == {"path", "sha256"} and len(table["digest"]) == 64


def test_the_table_of_a_folder_names_its_classes(trustdm: Any, pngs: Path) -> None:
    ran = trustdm("data", "digest", "pngs/")
    assert ran.code == 0 and "of class 0 (kind-0): 10, 1 (kind-1): 10" in ran.out
    assert tomllib.loads(ran.out)["data"]["options"] == {"path": "pngs"}
    shown = json.loads(trustdm("data", "digest", "pngs", "--json").out)
    assert shown["size"] == 40 and shown["counts"] == {"0": 10, "1": 10, "2": 10, "3": 10}
    assert shown["class_names"][0] == "kind-0" and shown["data"]["dataset"] == "image-folder"


def test_a_registered_data_set(trustdm: Any) -> None:
    table = tomllib.loads(trustdm("data", "digest", "--dataset", "digits").out)["data"]
    assert table == load_suite("digits-linf").data.model_dump(mode="json", exclude={"splits", "options"})


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "expected a path, or --dataset NAME, got neither"),
        (["nowhere.npz"], "nowhere.npz: expected a data file or folder, got no such file"),
        (["--dataset", "digit"], "unknown dataset 'digit'; did you mean 'digits'"),
        (["--dataset", "digits:size"], "expected NAME:key=value,key=value, got 'size'"),
        (["--dataset", "digits:size=3"], "data set digits: data.options.size: expected only no option"),
        (["cells.npz", "--dataset", "image-folder"], "expected image-folder to read it"),
    ],
)
def test_a_mistake_is_one_line(trustdm: Any, cells: Path, words: list[str], said: str) -> None:
    ran = trustdm("data", "digest", *words)
    assert ran.code == 1 and said in ran.err and ran.err.count("\n") == 1 and not ran.out


def test_values_are_those_of_toml_or_text() -> None:
    assert [value_of(v) for v in ("3", "2.5", "true", '"3"', "[1, 2]", "1/10", "l2", "", "1979-05-27", "a\nb")] == [
        3,
        2.5,
        True,
        "3",
        [1, 2],
        "1/10",
        "l2",
        "",
        "1979-05-27",
        "a\nb",
    ]
