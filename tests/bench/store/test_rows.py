"""Identities as texts, and back."""

from __future__ import annotations

import hashlib
from types import ModuleType

import pytest

from trustdm.bench.store.rows import NOTHING, frozen, identity_from, identity_text


@pytest.mark.parametrize("params", [(), (("a", 1), ("b", 0.1), ("c", "é"), ("d", True), ("e", None), ("f", ((1,), 2)))])
def test_an_identity_comes_back_exactly(sample: ModuleType, params: tuple[tuple[str, object], ...]) -> None:
    identity = sample.identity(method_params=params, seed=2**40)
    back = identity_from(identity_text(identity))
    assert back == identity
    assert hash(back) == hash(identity)
    assert back.key == identity.key


def test_the_text_is_what_the_key_is_the_hash_of(sample: ModuleType) -> None:
    identity = sample.identity()
    assert hashlib.sha256(identity_text(identity).encode()).hexdigest() == identity.key


def test_frozen_makes_tuples_all_the_way_down() -> None:
    assert frozen([1, [2, ["x"]], None]) == (1, (2, ("x",)), None)


def test_nothing_cannot_be_filled() -> None:
    with pytest.raises(TypeError):
        NOTHING["a"] = 1  # type: ignore[index]
