from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustdm.bench.hashing import canonical_json, sha256_of
from trustdm.bench.types import Block, Budget, CellIdentity, blocks_of

IDENTITY = CellIdentity(
    method="m",
    method_version="1",
    method_params=(("steps", 3),),
    weights=("a" * 64,),
    suite="s",
    suite_version=1,
    suite_digest="d",
    data_digest="e",
    evaluation="clean",
    protocol="clean",
    protocol_version="clean=1",
    params="{}",
    block_rule="ramp-8-64",
    precision="float32",
    seed=0,
)


def test_blocks_double_until_they_are_large() -> None:
    assert [b.start for b in blocks_of(200, 8, 64)] == [0, 8, 16, 32, 64, 128, 192]
    assert blocks_of(200, 8, 64)[-1] == Block(192, 200)
    assert blocks_of(5, 8, 64) == (Block(0, 5),)
    assert blocks_of(0, 8, 64) == ()
    assert [len(b) for b in blocks_of(10, 3, 3)] == [3, 3, 3, 1]


@given(st.integers(0, 3000), st.integers(1, 64), st.integers(0, 600))
def test_blocks_cover_every_example_once_and_begin_alike_for_every_total(total: int, first: int, more: int) -> None:
    most = first + more
    blocks = blocks_of(total, first, most)
    assert [i for b in blocks for i in range(b.start, b.stop)] == list(range(total))
    assert all(len(b) <= most for b in blocks)
    assert blocks_of(total + 1, first, most)[: max(len(blocks) - 1, 0)] == blocks[:-1]


def test_a_key_depends_on_every_field() -> None:
    others = [
        replace(IDENTITY, **{name: value})
        for name, value in {
            "method": "n",
            "method_version": "2",
            "method_params": (("steps", 4),),
            "weights": ("b" * 64,),
            "suite": "t",
            "suite_version": 2,
            "suite_digest": "x",
            "data_digest": "x",
            "evaluation": "pgd",
            "protocol": "adversarial",
            "protocol_version": "clean=2",
            "params": '{"a":1}',
            "block_rule": "ramp-8-32",
            "precision": "bfloat16",
            "seed": 1,
            "randomness": "keyed",
            "gradient": "bpda",
        }.items()
    ]
    assert len(others) == len(CellIdentity.__dataclass_fields__)
    assert len({IDENTITY.key, *(o.key for o in others)}) == len(others) + 1


def test_a_key_is_pinned() -> None:
    """A changed key orphans every stored result: never by accident."""
    assert IDENTITY.key == sha256_of(
        {name: getattr(IDENTITY, name) for name in sorted(CellIdentity.__dataclass_fields__)}
    )


def test_canonical_json_has_one_text_and_no_nan() -> None:
    assert canonical_json({"b": 1, "a": [1.5, "ü"]}) == '{"a":[1.5,"\\u00fc"],"b":1}'
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json(float("nan"))


def test_a_budget_keeps_its_fraction() -> None:
    assert Budget("linf", Fraction("8/255")).radius == 8 / 255
