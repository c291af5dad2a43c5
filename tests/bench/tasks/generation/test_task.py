"""The table [generation]: sets, seeds, the reference that is compared with, what is said."""

from __future__ import annotations

from pathlib import Path

import pytest
from toygenerator import board, edited, measure

from trustdm.bench.errors import DataError, SuiteError, UsageError
from trustdm.bench.features.reference import read_reference
from trustdm.bench.plugins import load, load_suite
from trustdm.bench.store.store import Store
from trustdm.bench.suite.load import Suite
from trustdm.bench.tasks.generation.task import TASK, generation, reference_file


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('statistic = "kid"', 'statistic = "accuracy"', "expected one of frechet, kid, precision, recall, evaluations"),
        ("set = 48", "set = 50", "size.full: expected a multiple of generation.set, 50, got 96"),
        ("full = 96", "full = 4000000032", "size.full: expected less than or equal to 10000000, got 4000000032"),
        ("set = 48", "set = 1", "generation.set: expected greater than or equal to 2, got 1"),
        ("[generation]", '[adversary]\nnorm = "linf"\neps = "1/9"\nknows = "k"\nwins = "w"\n\n[generation]', "one of"),
        ('labels = "balanced"', 'labels = "fair"', "generation.labels: expected 'balanced', 'random' or 'none'"),
        ("steps = 3", "steps = 0", "steps: expected a whole number of at least 1, got 0"),
        ("steps = 3", 'steps = "3"', "steps: expected a whole number of at least 1, got '3'"),
        ('extractor = "digits-features"', 'extractor = "digit-features"', "unknown extractor 'digit-features'"),
    ],
)
def test_a_mistake_in_a_suite_is_one_line(suite: Path, old: str, new: str, message: str) -> None:
    edited(suite, old, new)
    with pytest.raises(SuiteError) as caught:
        measure(suite, "a.db")
    assert message in str(caught.value) and str(suite) in str(caught.value)


def test_a_reference_that_is_not_pinned_is_part_of_the_identity(suite: Path) -> None:
    pinned = generation(load_suite(suite)).reference_sha256
    assert pinned is not None
    edited(suite, f'reference_sha256 = "{pinned}"\n', "")
    measure(suite, "a.db")
    with Store.open(str(suite.parent / "a.db")) as store:
        assert {c.identity.data_digest for c in store.cells()} == {pinned}
    (row,) = board(suite, "a.db")
    assert row.rank_group == f"full reference={pinned[:8]}" and "frechet_3" in row.metrics
    path = suite.parent / "digits-generation.reference.npz"
    path.write_bytes(path.read_bytes() + b"\0")
    (row,) = board(suite, "a.db")
    assert set(row.metrics) == {"evaluations_2", "evaluations_3"}


def test_the_shipped_suites_can_be_read() -> None:
    for name in ("mnist16-generation", "digits-generation"):
        suite: Suite = load_suite(name)
        assert suite.task.name == "generation" and suite.task.capability == "sample"
        table = generation(suite)
        reference = read_reference(reference_file(suite), table.reference_sha256)
        assert reference.features is not None and len(reference.features) == len(suite.train)
        assert reference.extractor == table.extractor
        assert reference.extractor_hash == table.extractor_sha256


def test_positions_are_the_numbers_of_seeds(suite: Path) -> None:
    positions = load_suite(suite).positions("steps-2")
    assert positions.ids.tolist() == list(range(96)) and positions.per_example == 1


def test_the_file_of_the_reference_may_be_renamed_and_its_content_may_not(suite: Path) -> None:
    before = load_suite(suite).digest
    edited(suite, "digits-generation.reference.npz", "other.npz")
    assert load_suite(suite).digest == before
    pinned = generation(load_suite(suite)).reference_sha256
    assert load_suite(edited(suite, str(pinned), "f" * 64)).digest != before


def test_the_reference_is_beside_the_suite_or_in_the_folder_for_data(
    suite: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded, name = load_suite(suite), "digits-generation.reference.npz"
    monkeypatch.setenv("TRUSTDM_DATA", str(tmp_path / "data"))
    assert reference_file(loaded) == suite.parent / name
    (tmp_path / "data").mkdir()
    (suite.parent / name).rename(tmp_path / "data" / name)
    assert reference_file(loaded) == tmp_path / "data" / name
    stamp = TASK.reference_stamp(loaded)
    assert stamp == generation(loaded).reference_sha256
    (found,) = TASK.needs(loaded, load().registry)
    assert found == (True, f"suite {loaded.name}", f"its reference {name} is here")
    (tmp_path / "data" / name).unlink()
    with pytest.raises(DataError, match=r"got no such file; looked at .*; make it with `trustdm reference"):
        reference_file(loaded)
    assert TASK.reference_stamp(loaded) == ""


def test_what_is_said_of_a_suite(suite: Path) -> None:
    first, floor = TASK.says(load_suite(suite))
    assert first == "class-conditional generation" and floor.startswith("held-out real images, 48 of them: ")
    edited(suite, 'labels = "balanced"', 'labels = "none"')
    assert TASK.says(load_suite(suite))[0] == "unconditional generation"
    headline = [m.name for m in TASK.headline(load_suite(suite))]
    assert headline == ["frechet_2", "frechet_3", "evaluations_3"]


def test_another_suite_generates_nothing() -> None:
    with pytest.raises(UsageError, match=r"digits-linf: expected a suite with a table like Generation, got"):
        generation(load_suite("digits-linf"))
