"""The rule of 8 bits: by hand at every boundary, and the same for arrays and for tensors."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
import torch

from trustdm.bench.errors import UsageError
from trustdm.bench.features.quantise import RULES, quantise, quantised


def boundaries() -> np.ndarray:
    """Every level k/255 and every half level in float32, with their neighbours on both sides, within [0, 1]."""
    exact = (np.arange(511) / 510).astype(np.float32)
    below, above = np.nextafter(exact, np.float32(-1)), np.nextafter(exact, np.float32(2))
    return np.clip(np.concatenate([below, exact, above]), 0, 1)


@pytest.mark.parametrize("rule", sorted(RULES))
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_arrays_and_tensors_get_the_same_levels_as_exact_arithmetic(rule: str, kind: type) -> None:
    values = np.concatenate([boundaries(), np.random.default_rng(0).random(1000, dtype=np.float32)]).astype(kind)
    found = quantise(values, rule)
    assert found.dtype == np.uint8
    tensor = quantised(torch.from_numpy(values), rule)
    assert tensor.dtype == torch.uint8
    assert np.array_equal(tensor.numpy(), found)
    shift = Fraction(1, 2) if rule == "round" else 0
    exact = [math.floor(Fraction(float(x)) * 255 + shift) for x in values]
    # Double precision has 53 bits: only within 1e-14 of a boundary may the sum be rounded onto it.
    near = np.array([abs(Fraction(float(x)) * 255 + shift - round(float(x) * 255 + float(shift))) for x in values])
    assert np.array_equal(found[near > 1e-13], np.array(exact)[near > 1e-13])
    assert np.mean(near > 1e-13) > 0.6


@pytest.mark.parametrize(
    ("rule", "expected"), [("round", [0, 0, 1, 128, 254, 255, 255]), ("truncate", [0, 0, 0, 127, 254, 254, 255])]
)
def test_by_hand(rule: str, expected: list[int]) -> None:
    values = np.array([0.0, 0.49 / 255, 0.51 / 255, 0.5, 254.4 / 255, 254.6 / 255, 1.0], dtype=np.float32)
    assert quantise(values, rule).tolist() == expected
    assert quantised(torch.from_numpy(values), rule).tolist() == expected


def test_eight_bit_images_come_back() -> None:
    levels = np.arange(256, dtype=np.float32) / np.float32(255)
    assert quantise(levels).tolist() == quantised(torch.from_numpy(levels)).tolist() == list(range(256))


@pytest.mark.parametrize("rule", sorted(RULES))
def test_what_rounding_put_outside_is_the_end_of_the_range(rule: str) -> None:
    values = np.array([-1e-5, 1 + 1e-5], dtype=np.float32)
    assert quantise(values, rule).tolist() == quantised(torch.from_numpy(values), rule).tolist() == [0, 255]


def test_another_rule_is_refused() -> None:
    for act in (lambda: quantise(np.zeros(1), "floor"), lambda: quantised(torch.zeros(1), "floor")):
        with pytest.raises(UsageError, match="quantisation: expected one of round, truncate, got 'floor'"):
            act()
