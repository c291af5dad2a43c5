from __future__ import annotations

from pathlib import Path

import pytest
from helpers import TINY

from trustdm.bench.contracts import MethodCard
from trustdm.bench.errors import SuiteError, UsageError
from trustdm.bench.plan import MOST_SEED, MethodSpec, choose, fits, plan_cells, protocols, wanted
from trustdm.bench.plugins import load, load_suite
from trustdm.bench.suite.load import shipped

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


def test_a_method_is_named_with_all_its_variants() -> None:
    suite = load_suite("mnist16-generation")
    every = choose(suite, REGISTRY, ["mnist16-edm:all"])
    assert [str(spec) for spec in every] == [
        "mnist16-edm:sampler=heun",
        "mnist16-edm:sampler=euler",
        "mnist16-edm:sampler=stochastic-heun",
        "mnist16-edm:guidance=1.2,sampler=heun",
    ]
    assert set(every) <= set(choose(suite, REGISTRY, []))
    assert choose(suite, REGISTRY, ["mnist16-edm"]) == [MethodSpec("mnist16-edm")]
    assert choose(load_suite("digits-linf"), REGISTRY, ["digits-standard:all"]) == [MethodSpec("digits-standard")]


def test_a_method_that_needs_parameters_says_which_variants_there_are() -> None:
    with pytest.raises(
        UsageError, match=r"expected a value, got none; its variants: denoised-smoothing:\S+ denoised-.*:all"
    ):
        choose(load_suite("mnist16-certified"), REGISTRY, ["denoised-smoothing"])
    with pytest.raises(UsageError, match="unknown method 'denoised-smoothin'"):
        choose(load_suite("mnist16-certified"), REGISTRY, ["denoised-smoothin"])


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


CARD = MethodCard(name="net", input_shape=(1, 8, 8), classes=10)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({}, ""),
        ({"classes": 7}, "net: expected 10 classes, got 7; for digits-linf"),
        ({"classes": 1}, "net: classes: expected at least 2 for a classifier, got 1; for digits-linf"),
        ({"input_shape": (1, 16, 16)}, "net: expected input shape (1, 8, 8), got (1, 16, 16); for digits-linf"),
        (
            {"capabilities": ("sample",)},
            "net: expected a method that can classify, for digits-linf, got one that can sample",
        ),
    ],
)
def test_why_a_method_does_not_fit(changes: dict[str, object], problem: str) -> None:
    assert fits(CARD.model_copy(update=changes), load_suite("digits-linf"), REGISTRY) == problem


def test_a_generator_without_labels_fits_any_number_of_classes() -> None:
    free = CARD.model_copy(update={"capabilities": ("sample",), "classes": 0})
    suite = load_suite("digits-generation")
    assert fits(free, suite, REGISTRY) == ""
    assert fits(free.model_copy(update={"classes": 3}), suite, REGISTRY).startswith("net: expected 10 classes, got 3")


def test_a_metric_that_its_protocol_cannot_tell_is_named(tmp_path: Path) -> None:
    path = tmp_path / "wrong.toml"
    text = TINY.read_text(encoding="utf-8").replace('probe = "clean"', 'probe = "pgd"')
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SuiteError, match=r"wrong\.toml: metrics\.0\.probe: expected one of clean, got 'pgd'"):
        protocols(load_suite(path), REGISTRY)


def test_seeds_have_a_bound_that_every_generator_can_read() -> None:
    suite, spec = load_suite("digits-linf"), [MethodSpec("digits-standard")]
    assert plan_cells(suite, spec, REGISTRY, seeds=[MOST_SEED])
    with pytest.raises(UsageError, match=f"--seed: expected at most {MOST_SEED}, got {MOST_SEED + 1}"):
        plan_cells(suite, spec, REGISTRY, seeds=[MOST_SEED + 1])


def test_a_limit_counts_examples_whatever_their_positions() -> None:
    suite = load_suite("mnist16-certified")
    per_example = suite.positions("sigma-1-2").per_example
    blocks = wanted(suite, 3, "sigma-1-2")
    assert blocks[-1].stop >= 3 * per_example > blocks[-1].start


def test_the_identity_has_what_is_on_the_cards() -> None:
    suite = load_suite("digits-linf")
    cells = {c.identity.evaluation: c for c in plan_cells(suite, [MethodSpec("digits-standard")], REGISTRY)}
    identity = cells["autoattack"].identity
    card = REGISTRY.get("method", "digits-standard").card
    assert identity.weights == tuple(w.sha256 for w in card.weights) and identity.data_digest == suite.data.digest
    assert identity.protocol_version == "adversarial=1 apgd-ce=2 apgd-t=2 fab-t=2 square=2"
    assert identity.block_rule == suite.block_rule and cells["autoattack"].draws == 1
    method, _, harness = cells["autoattack"].code.partition("/")
    assert method == cells["clean"].code.partition("/")[0] and harness != cells["clean"].code.partition("/")[2]


WITH_PATH = """
from trustdm import MethodCard, method

@method(MethodCard(name='from-folder', input_shape=(1, 8, 8), classes=10))
def load(path, steps=3):
    return lambda x: x.flatten(1)[:, :10]
"""


def test_a_first_item_without_a_key_is_the_path_of_a_method_that_takes_one(tmp_path: Path) -> None:
    (tmp_path / "from_folder.py").write_text(WITH_PATH)
    registry = load([tmp_path / "from_folder.py"]).registry
    for text in ("from-folder:nets", "from-folder:path=nets"):
        assert MethodSpec.parse(text, registry) == MethodSpec("from-folder", (("path", "nets"),))
    both = MethodSpec.parse("from-folder:nets,steps=5", registry)
    assert both.params == (("path", "nets"), ("steps", 5))
    assert MethodSpec.parse(str(both), registry) == both
    assert MethodSpec.parse("diffusers:tiny-ddpm", registry) == MethodSpec.parse("diffusers:path=tiny-ddpm")
    (chosen,) = choose(load_suite("digits-linf"), registry, ["from-folder:nets"])
    assert chosen.params == (("path", "nets"),)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("digits-standard:foo", "got 'foo'; digits-standard takes no parameter"),
        ("digits-standard:foo/bar", "got 'foo/bar'; digits-standard takes no parameter"),
        ("denoised-smoothing:foo", "got 'foo'; denoised-smoothing takes classifier, denoiser, "),
        ("diffusers:eta=1,foo", "got 'foo'; diffusers takes path, .*, [.]{3}"),
        ("nope:foo", "^unknown method 'nope'"),
    ],
)
def test_an_item_without_a_key_is_one_clear_line_elsewhere(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        choose(load_suite("digits-linf"), REGISTRY, [text])
    assert "\n" not in str(caught.value)
