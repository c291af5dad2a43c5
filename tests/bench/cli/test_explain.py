"""What may be given to a plugin, and where, as it is shown."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from rich.console import Console

from trustdm.bench.cli import explain, tables
from trustdm.bench.contracts import AttackCard, MethodCard, attack, method
from trustdm.bench.parameters import MethodThat
from trustdm.bench.plugins import load
from trustdm.bench.registry import MARK, Entry
from trustdm.bench.suite.load import shipped

CATALOGUE = load(installed=False)
REGISTRY = CATALOGUE.registry
SUITES = [CATALOGUE.suite(name) for name in shipped()]


@method(MethodCard(name="own", input_shape=(3,), classes=2))
def own(
    *,
    kind: Literal["a", "b"] = "a",
    part: Annotated[str, MethodThat("classify")] = "x",
    thing: object = object,
    flag: bool = False,
    **options: Any,
) -> None:
    """[bold]Loud.[/bold]

    Args:
        kind: [red]``which``
            of them.
    """


@attack(AttackCard(name="mine"))
class Mine:
    def __init__(self, *, eot: int = 1): ...


def entry_of(thing: Any) -> Entry:
    (entry,) = getattr(thing, MARK)
    assert isinstance(entry, Entry)
    return entry


def printed(entry: Entry, width: int = 0) -> str:
    """As in a pipe, or on a terminal of this width."""
    console, grid = Console(width=width or 300), explain.grid(entry, explain.explained(entry).parameters, REGISTRY)
    with console.capture() as capture:
        console.print(tables.narrow(grid, width) if width else tables.whole(grid, extra=False))
    return capture.get()


def test_the_table_of_a_method() -> None:
    found = explain.explained(entry_of(own))
    text = printed(entry_of(own))
    assert "a, b" in text and "[red]which of them." in text and "a type" in text and "False, True" in text
    assert "a method that can classify: " in text and "mnist16-standard" in text
    assert found.lines == ("further options are taken by name, and checked when it is used",)


@pytest.mark.parametrize("width", [60, 80, 120])
def test_it_fits_a_terminal(width: int) -> None:
    lines = printed(REGISTRY.get("method", "mnist16-edm"), width).splitlines()
    assert max(map(len, lines)) <= width
    assert any("predictor-corrector" in line for line in lines) and any("sigma_min" in line for line in lines)


def test_values_are_written_as_in_a_suite() -> None:
    entry = REGISTRY.get("attack", "pgd")
    text = printed(entry)
    assert '"margin", "ce"' in text and "true" in text and "eot" in text
    assert explain.places(entry, SUITES, REGISTRY)[:3] == [
        "set in a suite, as in cifar10-linf:",
        "  [[evaluations.pgd40.attacks]]",
        '  name = "pgd"',
    ]


def test_an_attack_that_no_suite_of_ours_has_is_set_where_the_others_are() -> None:
    catalogue = load(installed=False)
    catalogue.registry.add(entry_of(Mine))
    assert explain.places(entry_of(Mine), SUITES, catalogue.registry) == [
        'set in a suite: [[evaluations.NAME.attacks]] with name = "mine" and its parameters'
    ]


def test_a_protocol_is_shown_in_a_suite() -> None:
    lines = explain.places(REGISTRY.get("protocol", "certified"), SUITES, REGISTRY)
    assert lines[1].startswith("  [evaluations.") and '  protocol = "certified"' in lines


def test_options_depend_on_the_sampler() -> None:
    entry = REGISTRY.get("method", "mnist16-edm")
    heun, ddim = explain.explained(entry), explain.explained(entry, {"sampler": "ddim"})
    assert {p.name: p.default for p in heun.parameters}["sigma_min"] == 0.02
    assert "  sampler=ddim: betas, total, spacing, eta, clip" in heun.lines
    assert (
        "eta" in {p.name for p in ddim.parameters} and "those of sampler=ddim are among them; others have" in ddim.lines
    )


def test_a_plugin_that_cannot_be_loaded_is_a_line() -> None:
    broken = Entry("method", entry_of(own).card, "no.such.module:thing")
    found = explain.explained(broken)
    assert found.problem == "parameters cannot be shown: ModuleNotFoundError: No module named 'no'"


def test_what_json_cannot_say_is_said_in_words() -> None:
    told = {p["name"]: p for p in explain.as_json(explain.explained(entry_of(own)))}
    assert told["kind"]["choices"] == ["a", "b"] and told["thing"]["default"] == "a type"
    assert told["part"]["capability"] == "classify" and told["flag"]["default"] is False


def test_other_kinds_have_no_parameters() -> None:
    assert explain.explained(REGISTRY.get("task", "robustness")) == explain.Explained()
    assert [p.name for p in explain.explained(REGISTRY.get("dataset", "npz")).parameters] == [
        "path",
        "sha256",
    ]


def boom(*_: object) -> str:
    raise KeyError("boom")


class Liar(str):
    __str__ = __repr__ = __format__ = boom  # type: ignore[assignment]


@method(MethodCard(name="huge", input_shape=(3,), classes=2))
def huge(steps: int = 10**5000) -> None: ...


@method(MethodCard(name="liar", input_shape=(3,), classes=2))
def liar(steps: str = Liar("x")) -> None: ...


@method(MethodCard(name="able", input_shape=(3,), classes=2))
def able(part: Annotated[str, MethodThat(5)] = "") -> None: ...  # type: ignore[arg-type]


@pytest.mark.parametrize(("thing", "said"), [(huge, "ValueError"), (liar, "KeyError"), (able, "TypeError")])
def test_parameters_that_cannot_be_told_are_a_line(thing: Any, said: str) -> None:
    found = explain.explained(entry_of(thing))
    assert found.problem.startswith(f"parameters cannot be shown: {said}: ") and found.parameters == ()
    assert "\n" not in found.problem and explain.as_json(found) == []
