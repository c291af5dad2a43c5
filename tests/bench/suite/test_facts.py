"""What a suite must say about data, found out from them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from trustdm.bench.contracts import DatasetCard, dataset
from trustdm.bench.data.arrays import file_hash
from trustdm.bench.errors import DataError, SuiteError, TrustdmError, UnknownName, UsageError
from trustdm.bench.plugins import load, load_suite
from trustdm.bench.registry import Registry, entries_of
from trustdm.bench.suite.data import open_data
from trustdm.bench.suite.facts import Wanted, find


def test_an_npz_file(own: Path, registry: Registry) -> None:
    facts = find(Wanted(own.parent / "images.npz", root=own.parent), registry)
    suite = load_suite(own)
    assert facts.table == suite.data.model_copy(update={"splits": None})
    assert len(facts) == 12 and facts.counts() == {0: 6, 1: 6}
    assert find(Wanted(own.parent / "images.npz", "npz", root=own.parent), registry).table == facts.table


def test_the_path_starts_at_the_suite(own: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    root = own.parent / "suites"
    root.mkdir()
    monkeypatch.chdir(own.parent)
    assert find(Wanted(Path("images.npz"), root=root), registry).table.options["path"] == "../images.npz"
    (root / "link.npz").symlink_to(own.parent / "images.npz")
    assert find(Wanted(Path("suites/link.npz")), registry).table.options["path"] == "images.npz"


def test_a_folder_of_images(tmp_path: Path, registry: Registry) -> None:
    for i, name in enumerate(["b/1.png", "a/x.png", "a/y.png"]):
        (tmp_path / "images" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((4, 5), i, dtype=np.uint8)).save(tmp_path / "images" / name)
    facts = find(Wanted(tmp_path / "images", root=tmp_path), registry)
    assert (facts.table.dataset, facts.table.shape, facts.table.classes) == ("image-folder", (1, 4, 5), 2)
    assert facts.table.options == {"path": "images"} and facts.class_names == ("a", "b")
    assert facts.counts() == {0: 2, 1: 1} and facts.table.digest


def test_a_registered_data_set(registry: Registry) -> None:
    facts = find(Wanted(name="digits"), registry)
    assert facts.table == load_suite("digits-linf").data.model_copy(update={"splits": None}) and len(facts) == 1797


class Few:
    """A data set without ``labels``, read in parts."""

    def __len__(self) -> int:
        return 1500

    def digest(self) -> str:
        return "0" * 64

    def read(self, index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        assert len(index) <= 1024
        return np.zeros((len(index), 3), dtype=np.float32), index % 3


@dataset(DatasetCard(name="few", shape=(3,), classes=3))
def few(size: int = 0) -> Few:
    return Few()


def test_labels_are_read_where_they_are_not_at_hand(registry: Registry) -> None:
    import sys

    for entry in entries_of(sys.modules[__name__]):
        registry.add(entry)
    facts = find(Wanted(name="few", options={"size": 1500}), registry)
    assert facts.counts() == {0: 500, 1: 500, 2: 500} and facts.table.options == {"size": 1500}
    with pytest.raises(SuiteError, match=r"data set few: data.options.sizes: expected only size"):
        find(Wanted(name="few", options={"sizes": 1}), registry)


def broken(folder: Path) -> list[tuple[Wanted, type[TrustdmError], str]]:
    (folder / "text.npz").write_text("no arrays")
    (folder / "notes.txt").write_text("no data")
    (folder / "empty").mkdir()
    (folder / "deep" / "class").mkdir(parents=True)
    (folder / "deep" / "class" / "notes.txt").write_text("no image")
    (folder / "odd" / "class").mkdir(parents=True)
    Image.new("P", (4, 4)).save(folder / "odd" / "class" / "a.png")
    np.savez(folder / "negative.npz", images=np.zeros((2, 4, 4), dtype=np.uint8), labels=np.array([0, -1]))
    np.savez(folder / "floats.npz", images=np.zeros((2, 4, 4)), labels=np.array([0, 1]))
    return [
        (Wanted(), UsageError, "expected a path, or --dataset NAME"),
        (Wanted(folder / "nowhere"), DataError, "no such file"),
        (Wanted(folder / "text.npz"), DataError, "expected an npz file with images and labels"),
        (Wanted(folder / "notes.txt"), DataError, "image-folder, npz reads"),
        (Wanted(folder / "notes.txt", "npz"), DataError, "expected npz to read it"),
        (Wanted(folder / "empty"), DataError, "got 0 folders without any"),
        (Wanted(folder / "deep"), DataError, "move it elsewhere"),
        (Wanted(folder / "odd"), DataError, "expected an image of mode L or RGB, got P"),
        (Wanted(folder / "negative.npz"), DataError, "label of image 1: expected 0 to 1, got -1"),
        (Wanted(folder / "floats.npz"), DataError, "expected uint8"),
        (Wanted(name="npz"), UsageError, "expected a path as well"),
        (Wanted(name="digit"), UnknownName, "digits"),
    ]


@pytest.mark.parametrize("case", range(12))
def test_what_cannot_be_used_is_one_line(case: int, tmp_path: Path, registry: Registry) -> None:
    wanted, kind, words = broken(tmp_path)[case]
    with pytest.raises(kind, match=words) as raised:
        find(wanted, registry)
    assert "\n" not in str(raised.value)


def test_built_in_data_sets_can_all_be_asked(registry: Registry, own: Path) -> None:
    readers: dict[str, Callable[..., object] | None] = {e.name: e.resolve for e in load().registry.entries("dataset")}
    assert {name for name, resolve in readers.items() if resolve} == {"npz", "image-folder"}
    facts = find(Wanted(own.parent / "images.npz", root=own.parent), registry)
    assert facts.table.options["sha256"] == file_hash(own.parent / "images.npz")
    assert len(open_data(load_suite(own), registry)) == len(facts)
