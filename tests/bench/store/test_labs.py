"""This store and those it imported from, with the names that somebody gave them."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

from trustdm.bench.errors import UsageError
from trustdm.bench.store import runfiles, runimport
from trustdm.bench.store.labs import Lab
from trustdm.bench.store.store import Store


@pytest.fixture
def two(tmp_path: Path, sample: ModuleType) -> tuple[Path, str, str]:
    """A database with one imported lab: its path, its own id, the other's."""
    with Store.open(tmp_path / "a" / "bench.db") as store:
        sample.fill(store)
        other, paths = store.lab, runfiles.export(store, tmp_path / "out")
    path = tmp_path / "b" / "bench.db"
    with Store.open(path) as store:
        for file in paths:
            runimport.import_file(store, file)
        return path, store.lab, other


def test_whose_cells_there_are(two: tuple[Path, str, str]) -> None:
    path, own, other = two
    with Store.open(path, read_only=True) as store:
        assert store.labs() == [Lab(own, "", True, 0), Lab(other, "", False, 3)]
        assert {(r.own, r.lab_name) for r in store.results()} == {(False, "")}


def test_a_lab_is_named_by_the_beginning_of_its_id_and_named_again(two: tuple[Path, str, str]) -> None:
    path, own, other = two
    short = next(other[:k] for k in range(1, 33) if not own.startswith(other[:k]))
    with Store.open(path) as store:
        before = store.revisions()
        assert store.name_lab(short, "TU Delft") == Lab(other, "TU Delft", False, 3)
        assert {r.lab_name for r in store.results()} == {"TU Delft"}
        assert store.revisions() == before, "a name moves no number"
        assert store.name_lab(other, "Delft").name == "Delft"
        assert store.name_lab(other, "").name == "" and {r.lab_name for r in store.results()} == {""}


@pytest.mark.parametrize("name", [" Delft", "Delft ", "x" * 41, "a\nb", "<b>", "Ünivers", "\u202eevil"])
def test_a_name_is_plain_text(two: tuple[Path, str, str], name: str) -> None:
    with Store.open(two[0]) as store, pytest.raises(UsageError, match="expected a name of 1 to 40 letters"):
        store.name_lab(two[2], name)


def test_several_databases_of_a_group_may_have_one_name_and_none_is_guessed(two: tuple[Path, str, str]) -> None:
    path, own, other = two
    with Store.open(path) as store:
        store.name_lab(own, "Delft")
        assert store.name_lab(other, "Delft").name == "Delft"
        for text in ("", "xyz"):
            with pytest.raises(UsageError, match="expected the beginning of the id of one lab"):
                store.name_lab(text, "x")


def test_only_other_labs_without_a_name_are_named_by_the_way(two: tuple[Path, str, str]) -> None:
    path, own, other = two
    with Store.open(path) as store:
        store.name_lab(other, "Delft")
        store.name_unnamed("trustdm", {"a" * 32, other, own})
        assert {lab.id: lab.name for lab in store.labs()} == {own: "", other: "Delft", "a" * 32: "trustdm"}
