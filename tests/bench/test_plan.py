from __future__ import annotations

from pathlib import Path

import pytest
from helpers import TINY

from trustdm.bench.errors import SuiteError, UsageError
from trustdm.bench.plan import MethodSpec, choose, plan_cells, wanted
from trustdm.bench.plugins import load
from trustdm.bench.suite.load import shipped
from trustdm.bench.plugins import load_suite

REGISTRY = load().registry


@pytest.mark.parametrize(
    ("text", "params"),
    [
        ("m", ()),
        ("m:steps=3", (("steps", 3),)),
        ("m:b=x,a=0.5,c=True", (("a", 0.5), ("b", "x"), ("c", True))),
        ("m:eps=8/255", (("eps", "8/255"),)),
        ("m:l=[1]", (("l", "[1]"),)),
        ("m:/x/a=b,steps=3", (("path", "/x/a=b"), ("steps", 3))),
        ("m:owner/name", (("path", "owner/name"),)),
        ("m:path=1", (("path", "1"),)),
    ],
)
def test_methods_are_named_with_parameters(text: str, params: tuple[tuple[str, object], ...]) -> None:
    assert MethodSpec.parse(text) == MethodSpec("m", params)


def test_a_parameter_is_given_once_and_a_path_comes_first() -> None:
    for text, got in (("m:a=1,a=2", "a=2"), ("m:a=1,/x", "/x"), ("m:/x,path=/y", "path=/y")):
        with pytest.raises(UsageError, match=f"expected NAME:key=value,key=value, got '{got}'"):
            MethodSpec.parse(text)


def test_a_parameter_needs_a_value() -> None:
    with pytest.raises(UsageError, match="expected NAME:key=value,key=value, got 'steps'"):
        MethodSpec.parse("m:steps")


@pytest.mark.parametrize("name", shipped())
def test_every_shipped_suite_plans(name: str) -> None:
    suite = load_suite(name)
    cells = plan_cells(suite, choose(suite, REGISTRY, []), REGISTRY)
    assert cells or name.split("-")[0] in ("afhqv2", "cifar10", "ffhq64", "imagenet", "imagenet64")
    assert len({c.identity.key for c in cells}) == len(cells)
    for cell in cells:
        positions = suite.size.full * suite.positions(cell.identity.evaluation).per_example
        assert sum(len(b) for b in cell.blocks) == positions == cell.planned


def test_limits_and_sizes_are_not_part_of_the_identity_and_seeds_are() -> None:
    suite = load_suite("digits-linf")
    spec = [MethodSpec("digits-standard")]
    full = {c.identity.key for c in plan_cells(suite, spec, REGISTRY)}
    assert {c.identity.key for c in plan_cells(suite, spec, REGISTRY, limit=8)} == full
    assert {c.identity.key for c in plan_cells(suite, spec, REGISTRY, seeds=[1])}.isdisjoint(full)
    assert {c.identity.key for c in plan_cells(suite, [MethodSpec("digits-pgd-at")], REGISTRY)}.isdisjoint(full)


def test_a_limit_takes_whole_blocks() -> None:
    suite = load_suite("digits-linf")
    assert [wanted(suite, n)[-1].stop for n in (1, 8, 9, 64, 65, 600, 9999)] == [8, 8, 16, 64, 128, 600, 600]


def test_only_methods_made_for_the_data_are_chosen() -> None:
    names = [s.name for s in choose(load_suite("digits-linf"), REGISTRY, [])]
    assert names == ["digits-pgd-at", "digits-standard"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name = "apgd-ce"', 'name = "apgd-c"', "unknown attack 'apgd-c'"),
        ("queries = 60", 'queries = "all"', "attacks.square.queries: expected int, got 'all'"),
        ('protocol = "clean"', 'protocol = "cleen"', "unknown protocol 'cleen'"),
    ],
)
def test_an_evaluation_that_is_not_defined_is_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(TINY.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    with pytest.raises(SuiteError, match=r"wrong\.toml: evaluations") as caught:
        plan_cells(load_suite(path), [MethodSpec("digits-standard")], REGISTRY)
    assert message in str(caught.value)
