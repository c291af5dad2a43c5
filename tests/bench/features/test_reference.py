"""Reference files: what goes in comes out, bytes repeat, contents are checked; the shipped ones are right."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import torch

from trustdm.bench.contracts import ExtractorCard, WeightFile
from trustdm.bench.datasets import digits, mnist16
from trustdm.bench.errors import DataError
from trustdm.bench.extractors import digits_features, mnist16_features
from trustdm.bench.features.frechet import Moments, frechet, frechet_estimate, moments
from trustdm.bench.features.reference import (
    Reference,
    build_reference,
    check_extractor,
    floor,
    read_reference,
    weights_hash,
    write_reference,
)
from trustdm.bench.hashing import sha256_of
from trustdm.bench.suite.fields import indices

ONE, TWO = (WeightFile(file="w", sha256=digit * 64) for digit in "12")
CARD = ExtractorCard(name="means", dimension=2, shape=(1, 4, 4), precision="float16", weights=(ONE,))


class Means:
    """Mean and largest value of each image."""

    def features(self, images: torch.Tensor) -> torch.Tensor:
        flat = images.float().flatten(1)
        return torch.stack([flat.mean(1), flat.amax(1)], dim=1)


def pictures(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((n, 1, 4, 4), dtype=np.float32)


@pytest.fixture
def reference() -> Reference:
    held_out = pictures(20, 1), np.arange(20) % 5
    return build_reference(Means(), CARD, pictures(30), held_out=held_out, split="a split")


def same(a: Reference, b: Reference) -> bool:
    texts = ("extractor", "extractor_hash", "split", "quantisation")
    arrays = [(getattr(a, n), getattr(b, n)) for n in ("features", "held_out", "held_out_labels")]
    arrays += [(a.moments.mean, b.moments.mean), (a.moments.covariance, b.moments.covariance)]
    return (
        a.moments.n == b.moments.n
        and all(getattr(a, t) == getattr(b, t) for t in texts)
        and all((x is None and y is None) or (x.dtype == y.dtype and np.array_equal(x, y)) for x, y in arrays)
    )


def test_what_is_written_is_read_and_the_bytes_repeat(reference: Reference, tmp_path: Path) -> None:
    first = write_reference(reference, tmp_path / "a.npz")
    again = write_reference(reference, tmp_path / "deeper" / "b.npz")
    assert first == again
    found = read_reference(tmp_path / "a.npz", first)
    assert same(found, reference)
    assert found.features is not None and found.features.dtype == np.float16
    assert write_reference(found, tmp_path / "c.npz") == first
    assert not list(tmp_path.glob("*.part"))


def test_moments_are_those_of_the_features_and_images_pass_through_8_bits(reference: Reference) -> None:
    flat = np.floor(255 * pictures(30).astype(np.float64) + 0.5).reshape(30, 16)
    expected = np.stack([flat.mean(1), flat.max(1)], axis=1).astype(np.float32).astype(np.float16)
    assert np.array_equal(reference.features, expected)
    assert same(reference, Reference(moments(expected), "means", "1" * 64, "a split", "round", *stored(reference)))


def stored(reference: Reference) -> tuple[object, object, object]:
    return reference.features, reference.held_out, reference.held_out_labels


def test_a_big_reference_keeps_its_moments_alone(reference: Reference, tmp_path: Path) -> None:
    small = build_reference(Means(), CARD, pictures(30), held_out=(pictures(9, 1), np.zeros(9, dtype=int)), keep=False)
    assert stored(small) == (None, None, None)
    assert frechet(small.moments, reference.moments) == pytest.approx(0, abs=1e-6)
    write_reference(small, tmp_path / "small.npz")
    assert same(read_reference(tmp_path / "small.npz"), small)


def test_published_moments_are_read_as_they_are(tmp_path: Path) -> None:
    mu, sigma = np.arange(3.0), np.diag([1.0, 2.0, 3.0])
    np.savez(tmp_path / "published.npz", mu=mu, sigma=sigma)
    found = read_reference(tmp_path / "published.npz")
    assert found.moments.n is None
    assert (found.extractor, found.features, found.dimension) == ("", None, 3)
    assert frechet(found.moments, Moments(None, mu + 1, sigma)) == pytest.approx(3)
    write_reference(found, tmp_path / "ours.npz")
    assert same(read_reference(tmp_path / "ours.npz"), found)


def test_the_floor_is_the_distance_of_the_first_held_out_images(reference: Reference) -> None:
    assert reference.held_out is not None and reference.held_out_labels is not None
    found = floor(reference, 20)
    assert found == frechet_estimate(reference.held_out, reference.moments, strata=reference.held_out_labels)
    assert found is not None and found.n == 20
    few = floor(reference, 4)  # one image of a class has no spread within it
    assert few == frechet_estimate(reference.held_out[:4], reference.moments)
    assert [floor(reference, n) for n in (0, 1, 21)] == [None, None, None]
    assert floor(Reference(reference.moments), 5) is None


def test_the_hash_of_weights() -> None:
    several = CARD.model_copy(update={"weights": (ONE, TWO)})
    assert weights_hash(CARD) == "1" * 64
    assert weights_hash(several) == sha256_of(["1" * 64, "2" * 64])
    assert weights_hash(CARD.model_copy(update={"weights": ()})) == ""


def test_a_wrong_hash_is_one_line_with_both(reference: Reference, tmp_path: Path) -> None:
    right = write_reference(reference, tmp_path / "a.npz")
    with pytest.raises(DataError, match=rf"a\.npz: expected the reference with SHA-256 {'0' * 64}, got {right}; put"):
        read_reference(tmp_path / "a.npz", "0" * 64)


ABOUT = {
    "format": "trustdm reference 1",
    "n": 5,
    "extractor": "e",
    "extractor_hash": "",
    "split": "",
    "quantisation": "round",
}
EYE = {"mean": np.zeros(2), "covariance": np.eye(2)}


def about(**changes: object) -> np.ndarray:
    text = json.dumps({k: v for k, v in (ABOUT | changes).items() if v != "missing"})
    return np.frombuffer(text.encode(), dtype=np.uint8)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": np.zeros(2)}, r"expected the arrays mu and sigma, or a reference of ours, got x"),
        ({}, r"got none"),
        ({"mu": np.zeros(2), "sigma": np.eye(3)}, r"got \(2,\) and \(3, 3\)"),
        ({"mu": np.zeros(2, dtype=int), "sigma": np.eye(2)}, r"expected floating point numbers, got int64 and float64"),
        ({"mu": np.array([{}, {}]), "sigma": np.eye(2)}, r"got 'mu.npy' with values of type object"),
        ({"about": np.frombuffer(b"{", dtype=np.uint8)}, r"about: expected JSON"),
        ({"about": np.frombuffer(b"[]", dtype=np.uint8)}, r"expected the format 'trustdm reference 1', got None"),
        ({"about": about(format="trustdm reference 9"), **EYE}, r"got 'trustdm reference 9'"),
        ({"about": about(split="missing"), **EYE}, r"expected the format"),
        ({"about": about(), "mean": np.zeros(2)}, r"expected the format"),
        ({"about": about(n=1), **EYE}, r"expected at least 2 feature vectors, got 1"),
        ({"about": about(n="5"), **EYE}, r"n: expected a whole number of images, got '5'"),
        ({"about": about(n=True), **EYE}, r"n: expected a whole number of images, got True"),
        ({"about": about(), **EYE, "features": np.zeros((4, 3))}, r"features: expected features of dimension 2, got 3"),
        ({"about": about(), **EYE, "held_out": np.full((4, 2), np.nan)}, r"held_out: expected finite features"),
        ({"about": about(), **EYE, "held_out_labels": np.zeros(4, dtype=int)}, r"held_out_labels: expected an integer"),
        (
            {"about": about(), **EYE, "held_out": np.zeros((3, 2)), "held_out_labels": np.zeros(4, dtype=int)},
            r"held_out_labels: expected an integer for each held-out image, got shape \(4,\)",
        ),
    ],
)
def test_a_file_with_something_else_is_one_clear_line(
    arrays: dict[str, np.ndarray], message: str, tmp_path: Path
) -> None:
    path = tmp_path / "wrong.npz"
    np.savez(path, **arrays)
    with pytest.raises(DataError, match=rf"^{path}: .*{message}"):
        read_reference(path)


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 broken", None])
def test_no_such_file_or_no_archive_is_one_clear_line(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "wrong.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=rf"^{path}: expected an npz file with a reference, got "):
        read_reference(path)
    np.save(tmp_path / "single.npy", np.zeros(3))
    with pytest.raises(DataError, match="got a single array"):
        read_reference(tmp_path / "single.npy")


def test_a_folder_that_cannot_be_written_is_one_clear_line(reference: Reference, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be written"):
        write_reference(reference, tmp_path / "file" / "a.npz")


def test_a_reference_of_another_extractor_is_one_clear_line(reference: Reference) -> None:
    check_extractor(reference, CARD)
    check_extractor(Reference(reference.moments), CARD)  # published: it does not say
    for change, message in (
        ({"name": "other"}, "expected features of the extractor other, got means; make the reference again"),
        ({"weights": (TWO,)}, f"expected weights of means with SHA-256 {'2' * 64}, got {'1' * 64}; make"),
        ({"dimension": 3}, "expected features of dimension 3, got 2"),
    ):
        with pytest.raises(DataError, match=f"^reference: {message}"):
            check_extractor(reference, CARD.model_copy(update=change))


SHIPPED = [
    pytest.param("digits", digits, digits_features, id="digits"),
    pytest.param("mnist16", mnist16, mnist16_features, id="mnist16"),
]


@pytest.mark.parametrize(("name", "data", "plugin"), SHIPPED)
def test_the_shipped_reference_is_what_its_extractor_sees_in_the_training_images(name, data, plugin) -> None:
    path = Path(str(files("trustdm.suites") / f"{name}-generation.reference.npz"))
    assert path.stat().st_size <= 500_000
    found, loaded = read_reference(path), data.load()
    lists = json.loads(path.with_name(f"{name}-linf.splits.json").read_text(encoding="utf-8"))
    lists = {split: list(indices(text)) for split, text in lists.items()}
    assert found.extractor_hash == weights_hash(plugin.CARD)
    assert found.split == sha256_of({"data": loaded.digest(), "train": lists["train"], "test": lists["test"]})
    again = build_reference(
        plugin.load(),
        plugin.CARD,
        loaded.read(np.array(lists["train"]))[0],
        held_out=loaded.read(np.array(lists["test"])),
        split=found.split,
    )
    # another processor may round a feature the other way
    np.testing.assert_allclose(again.features, found.features, rtol=2e-3, atol=2e-3)
    np.testing.assert_allclose(again.held_out, found.held_out, rtol=2e-3, atol=2e-3)
    assert np.array_equal(again.held_out_labels, found.held_out_labels)
    assert frechet(again.moments, found.moments) < 1e-4
    assert np.array_equal(found.moments.mean, moments(found.features).mean)
