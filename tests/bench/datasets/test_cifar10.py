"""CIFAR-10 from the official files, from npz files, and from parts of them."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest

from trustdm.bench.data import cifar10 as official
from trustdm.bench.datasets import cifar10
from trustdm.bench.errors import DataError

REAL = Path(os.environ.get("TRUSTDM_DATA") or "no-folder-is-named")
needs_real = pytest.mark.skipif(
    not (REAL / "cifar10" / "test_head.npz").is_file(), reason="needs cifar10/test_head.npz in the folder TRUSTDM_DATA"
)


def images_of(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.Generator(np.random.Philox(seed))
    return rng.integers(0, 256, (n, 32, 32, 3), dtype=np.uint8), rng.integers(0, 10, n)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TRUSTDM_DATA", str(tmp_path))
    monkeypatch.delenv("TRUSTDM_DOWNLOAD", raising=False)
    (tmp_path / "cifar10").mkdir()
    return tmp_path


def save(path: Path, images: np.ndarray, labels: np.ndarray) -> None:
    np.savez(path, images=images, labels=labels)


def know(monkeypatch: pytest.MonkeyPatch, name: str, images: np.ndarray, labels: np.ndarray) -> None:
    """Declares these images to be the first official ones of each batch of that name."""
    starts = list(cifar10.KNOWN[name][1])
    each = len(images) // len(starts)
    parts = [(images[k * each :][:each], labels[k * each :][:each]) for k in range(len(starts))]
    hashes = [hashlib.sha256(i.transpose(0, 3, 1, 2).tobytes() + v.astype(np.uint8).tobytes()) for i, v in parts]
    known = {start: h.hexdigest() for start, h in zip(starts, hashes, strict=True)}
    monkeypatch.setattr(cifar10, "KNOWN", cifar10.KNOWN | {name: (each, known)})


@needs_real
def test_the_real_first_images_are_recognised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUSTDM_DATA", str(REAL))
    monkeypatch.delenv("TRUSTDM_DOWNLOAD", raising=False)
    data = cifar10.load()
    test = np.arange(50000, 50846)
    train = np.concatenate([np.arange(932) + 10000 * k for k in range(5)])
    assert data.verified(test).all()
    assert data.verified(train).all()
    with np.load(REAL / "cifar10" / "test_head.npz") as head:
        images, labels = data.read(test[:20])
        assert np.array_equal(images, head["images"][:20].transpose(0, 3, 1, 2).astype(np.float32) / np.float32(255))
        assert np.array_equal(labels, head["labels"][:20])
    # the first test images are well known: a cat, two ships, an aeroplane, a frog
    assert [cifar10.CARD.class_names[k] for k in labels[:5]] == ["cat", "ship", "ship", "airplane", "frog"]


def test_digest_names_the_official_files(root: Path) -> None:
    save(root / "cifar10" / "test_head.npz", *images_of(3))
    assert cifar10.load().digest() == "ff483c197131ffa876893cf7128617a3f8a4ade88b393f71d3de23849efdf92b"


def test_first_images_go_to_their_official_places(root: Path) -> None:
    images, labels = images_of(10)
    save(root / "cifar10" / "train_head.npz", images, labels)
    save(root / "cifar10" / "test_head.npz", *images_of(3, seed=1))
    data = cifar10.load()
    index = np.array([50002, 0, 1, 10000, 40001])
    read, found = data.read(index)
    assert np.array_equal(read[1:], images[[0, 1, 2, 9]].transpose(0, 3, 1, 2).astype(np.float32) / np.float32(255))
    assert np.array_equal(read[0], images_of(3, seed=1)[0][2].transpose(2, 0, 1).astype(np.float32) / np.float32(255))
    assert found.tolist() == [images_of(3, seed=1)[1][2], *labels[[0, 1, 2, 9]]]
    assert np.flatnonzero(data.here(np.arange(60000))).tolist() == [
        *(start + i for start in range(0, 50000, 10000) for i in (0, 1)),
        *(50000, 50001, 50002),
    ]
    assert not data.verified(index).any()


def test_what_is_beyond_the_known_images_is_served_and_unverified(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images, labels = images_of(10)
    know(monkeypatch, "test", images[:6], labels[:6])
    save(root / "cifar10" / "test_head.npz", images, labels)
    data = cifar10.load()
    assert data.verified(np.arange(50000, 50012)).tolist() == [True] * 6 + [False] * 6
    assert data.here(np.arange(50000, 50012)).tolist() == [True] * 10 + [False] * 2
    assert data.read(np.array([50009]))[1].tolist() == [labels[9]]


def test_each_batch_of_the_training_images_is_recognised(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images, labels = images_of(15)
    know(monkeypatch, "train", images, labels)
    save(root / "cifar10" / "train_head.npz", images, labels)
    data = cifar10.load()
    assert np.flatnonzero(data.verified(np.arange(50000))).tolist() == [
        10000 * k + i for k in range(5) for i in range(3)
    ]


def test_images_in_another_order_are_refused(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images, labels = images_of(10)
    know(monkeypatch, "test", images, labels)
    save(root / "cifar10" / "test_head.npz", images[::-1], labels[::-1])
    with pytest.raises(DataError, match=r"test_head.npz: expected the official order and pixels: images 0 to 9"):
        cifar10.load().read(np.array([50000]))


@pytest.mark.parametrize(
    ("file", "n", "message"),
    [
        ("test.npz", 9, r"test.npz: expected all 10000 images, got 9; name it test_head.npz"),
        ("test_head.npz", 10001, "expected the first of each batch"),
        ("train_head.npz", 6, "expected the first of each batch"),
    ],
)
def test_a_wrong_number_of_images(root: Path, file: str, n: int, message: str) -> None:
    save(root / "cifar10" / file, *images_of(n))
    with pytest.raises(DataError, match=message):
        cifar10.load().read(np.array([0 if file.startswith("train") else 50000]))


def test_whole_npz_file(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images, labels = images_of(10000)
    know(monkeypatch, "test", images[:6], labels[:6])
    save(root / "cifar10" / "test.npz", images, labels)
    data = cifar10.load()
    assert data.here(np.arange(50000, 60000)).all()
    assert data.verified(np.arange(50000, 60000)).sum() == 6
    assert np.array_equal(data.read(np.arange(50000, 60000))[1], labels)


def test_labels_that_are_no_class(root: Path) -> None:
    images, _ = images_of(3)
    save(root / "cifar10" / "test_head.npz", images, np.array([0, 10, 1]))
    with pytest.raises(DataError, match="label of image 1: expected 0 to 9, got 10"):
        cifar10.load().read(np.array([50000]))


def test_what_is_missing_is_said_with_what_to_do(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images, labels = images_of(846)
    know(monkeypatch, "test", images, labels)
    save(root / "cifar10" / "test_head.npz", images, labels)
    data = cifar10.load()
    with pytest.raises(DataError) as caught:
        data.read(np.array([50000, 50846]))
    assert str(caught.value) == (
        f"cifar10: image 50846 is missing: 846 of 10000 test images are here ({root / 'cifar10'}); use --limit 512, or "
        "put all of cifar-10-batches-py there (TRUSTDM_DOWNLOAD=1 downloads it)"
    )
    with pytest.raises(DataError, match=r"image 7 is missing: 0 of 50000 training images .*; put all of"):
        data.read(np.array([7]))
    with pytest.raises(DataError, match="expected indices from 0 to 59999, got 60000"):
        data.read(np.array([60000]))


def test_official_files_come_first_and_are_verified(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images, labels = images_of(10000)
    planes = images.transpose(0, 3, 1, 2)
    monkeypatch.setattr(official, "read_batch", lambda path: (planes, (labels + int(path.name[-1])) % 10))
    folder = root / official.FOLDER
    folder.mkdir()
    for name in ("data_batch_2", "data_batch_4"):
        (folder / name).touch()
    save(root / "cifar10" / "train_head.npz", *images_of(10, seed=5))
    data = cifar10.load()
    assert np.flatnonzero(data.here(np.arange(50000))).tolist() == [*range(10000, 20000), *range(30000, 40000)]
    assert data.verified(np.arange(10000, 20000)).all()
    read, found = data.read(np.array([10003, 30003]))
    assert np.array_equal(read[0], planes[3].astype(np.float32) / np.float32(255))
    assert found.tolist() == [(labels[3] + 2) % 10, (labels[3] + 4) % 10]
    with pytest.raises(DataError, match="image 3 is missing: 20000 of 50000 training images"):
        data.read(np.array([3]))


@pytest.mark.parametrize("place", ["cifar-10-batches-py", "cifar10/cifar-10-batches-py", "cifar10", "."])
def test_where_files_may_lie(root: Path, place: str) -> None:
    (root / place).mkdir(parents=True, exist_ok=True)
    (root / place / "test_batch").touch()
    assert cifar10.load().folder == root / place


def test_no_folder_or_nothing_in_it(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match=r"cifar10: nothing of CIFAR-10 is in .*; expected a folder in TRUSTDM_DATA"):
        cifar10.load()
    monkeypatch.setenv("TRUSTDM_DATA", "")
    with pytest.raises(DataError, match="cifar10: TRUSTDM_DATA is not set; expected a folder"):
        cifar10.load()


def test_downloads_only_when_asked_and_only_what_is_missing(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Path] = []

    def fetch(where: Path) -> Path:
        asked.append(where)
        folder = where / official.FOLDER
        folder.mkdir()
        for name in official.BATCHES:
            (folder / name).touch()
        return folder

    monkeypatch.setattr(official, "fetch", fetch)
    save(root / "cifar10" / "test_head.npz", *images_of(3))
    cifar10.load()
    assert asked == []
    monkeypatch.setenv("TRUSTDM_DOWNLOAD", "1")
    assert cifar10.load().folder == root / official.FOLDER
    assert cifar10.load().folder == root / official.FOLDER
    assert asked == [root]
