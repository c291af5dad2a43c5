"""Features as they are stored: what an extractor is given, what is refused, and how it is loaded."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from trustdm.bench.contracts import ExtractorCard, WeightFile
from trustdm.bench.errors import ContractError, DataError, UsageError, WeightsError
from trustdm.bench.features.extract import extract, frozen, load_extractor, rounding
from trustdm.bench.registry import Entry

CARD = ExtractorCard(name="means", dimension=2, shape=(1, 4, 4), precision="float16")


class Means:
    """Mean and largest value of each image; remembers what it was given."""

    def __init__(self) -> None:
        self.seen: list[torch.Tensor] = []

    def features(self, images: torch.Tensor) -> torch.Tensor:
        self.seen.append(images)
        flat = images.float().flatten(1)
        return torch.stack([flat.mean(1), flat.amax(1)], dim=1)


class Answers:
    """Answers one thing, or raises it."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def features(self, images: torch.Tensor) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def pictures(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((n, 1, 4, 4), dtype=np.float32)


@pytest.mark.parametrize("precision", ["float16", "float32"])
def test_images_pass_through_8_bits_in_batches_and_features_are_rounded(precision: str) -> None:
    card, extractor = CARD.model_copy(update={"precision": precision}), Means()
    found = extract(extractor, card, pictures(600))
    assert {images.dtype for images in extractor.seen} == {torch.uint8}
    assert [len(images) for images in extractor.seen] == [256, 256, 88]
    flat = np.floor(255 * pictures(600).astype(np.float64) + 0.5).reshape(600, 16)
    expected = np.stack([flat.mean(1), flat.max(1)], axis=1).astype(np.float32).astype(precision)
    assert found.dtype == precision and np.array_equal(found, expected)


def test_the_features_of_a_reference_are_those_of_generated_images() -> None:
    eight_bits = np.floor(255 * pictures(30).astype(np.float64)).astype(np.uint8)
    stored = rounding(Means(), CARD)(torch.from_numpy(eight_bits))
    assert np.array_equal(stored, extract(Means(), CARD, pictures(30), "truncate"))


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((3, 1, 5, 4), np.float32), r"extractor means: expected images \('n', 1, 4, 4\), got \(3, 1, 5, 4\)"),
        (np.zeros((0, 1, 4, 4), np.float32), r"expected images"),
        (np.zeros((3, 4, 4), np.float32), r"expected images"),
        (np.full((3, 1, 4, 4), 1.5, np.float32), r"expected pixels in \[0, 1\], got 1.5 to 1.5"),
        (np.full((3, 1, 4, 4), np.nan, np.float32), r"expected pixels in \[0, 1\], got nan"),
    ],
)
def test_images_that_do_not_fit_are_one_clear_line(images: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=message):
        extract(Means(), CARD, images)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (torch.zeros(3, 3), r"expected features of shape \(3, 2\), got \(3, 3\)"),
        (torch.zeros(2, 2), r"expected features of shape \(3, 2\), got \(2, 2\)"),
        (np.zeros((3, 2)), r"expected features of shape \(3, 2\), got ndarray"),
        (torch.full((3, 2), torch.nan), "expected features that are finite in float16, got NaN or infinity"),
        (torch.full((3, 2), 1e6), "expected features that are finite in float16, got NaN or infinity"),
        (ValueError("no"), "raised ValueError: no"),
    ],
)
def test_an_extractor_that_breaks_its_card_is_one_clear_line(answer: Any, message: str) -> None:
    with pytest.raises(ContractError, match=f"extractor means:? {message}") as caught:
        extract(Answers(answer), CARD, pictures(3))
    assert "\n" not in str(caught.value)


def test_an_unknown_quantisation_is_refused() -> None:
    with pytest.raises(UsageError, match="quantisation: expected one of round, truncate, got 'floor'"):
        extract(Means(), CARD, pictures(3), "floor")


class Network(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(16, 2)

    def features(self, images: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.layer(images.float().flatten(1))
        return found


def entry(card: ExtractorCard) -> Entry:
    return Entry("extractor", card, f"{__name__}:Network")


def test_a_loaded_extractor_is_frozen_seeded_and_rounds() -> None:
    network = frozen(entry(CARD), "cpu")
    assert not network.training and not any(p.requires_grad for p in network.parameters())
    images = torch.arange(32, dtype=torch.uint8).reshape(2, 1, 4, 4)
    found = load_extractor(entry(CARD), "cpu")(images)
    assert found.dtype == np.float16
    assert np.array_equal(found, rounding(network, CARD)(images))


def test_an_extractor_without_its_weights_is_refused() -> None:
    card = CARD.model_copy(update={"weights": (WeightFile(file="none.safetensors", sha256="1" * 64),)})
    with pytest.raises(WeightsError, match=r"none.safetensors"):
        frozen(entry(card), "cpu")
