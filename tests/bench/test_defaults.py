"""However a configuration is typed, it has one set of parameters."""

from __future__ import annotations

import pytest

from trustdm.bench import plugins
from trustdm.bench.defaults import filled
from trustdm.bench.errors import UsageError
from trustdm.bench.plan import MethodSpec, described, plan_cells
from trustdm.bench.plugins import load_suite
from trustdm.bench.registry import Registry


def sampler(*, order: int = 2, rho: float = 7.0, kind: str = "heun", net: object = object(), widths=(4, 8), last=None):
    """A method with parameters of every kind."""


def strict(registry: Registry, *, scale: float, on: bool = False, kind: str = "a", at: float = float("inf")) -> None:
    """One that takes a registry first, and a number that must be given."""


def test_what_is_not_given_has_its_default_and_what_cannot_be_typed_is_left_out() -> None:
    known = filled(sampler, {"order": 3}, "method m")
    assert known.given == {"order": 3}
    assert known.full == {"order": 3, "rho": 7.0, "kind": "heun", "widths": (4, 8), "last": None}


@pytest.mark.parametrize("given", [{}, {"order": 2}, {"rho": 7}, {"rho": 7.0, "order": 2}, {"kind": "heun"}])
def test_every_way_to_type_the_defaults_is_the_same(given: dict[str, object]) -> None:
    full = filled(sampler, given, "method m").full
    assert full == filled(sampler, {}, "method m").full
    assert isinstance(full["rho"], float)


def test_a_whole_number_for_a_float_is_a_float_also_without_a_default() -> None:
    full = filled(strict, {"scale": 2}, "method m").full
    assert full == {"scale": 2.0, "on": False, "kind": "a"} and isinstance(full["scale"], float)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"ordr": 2}, "method m.ordr: expected one of order, rho, kind, net, widths, last, got 'ordr'"),
        ({"order": 2.0}, "method m.order: expected int, got 2.0"),
        ({"rho": True}, "method m.rho: expected float, got True"),
        ({"kind": 3}, "method m.kind: expected str, got 3"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(given: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError) as error:
        filled(sampler, given, "method m")
    assert str(error.value) == message


def test_what_is_missing_is_said() -> None:
    with pytest.raises(UsageError, match=r"method m.scale: expected a value, got none"):
        filled(strict, {}, "method m")


REGISTRY = plugins.load(installed=False).registry


@pytest.mark.parametrize(
    "texts",
    [
        ("mnist16-edm", "mnist16-edm:sampler=heun", "mnist16-edm:guidance=1,sampler=heun", "mnist16-edm:guidance=1.0"),
        ("mnist16-edm:sampler=heun,guidance=2", "mnist16-edm:guidance=2.0"),
        ("mnist16-ldm", "mnist16-ldm:sampler=heun"),
    ],
)
def test_one_variant_typed_in_several_ways_is_one_cell(texts: tuple[str, ...]) -> None:
    suite = load_suite("mnist16-generation")
    specs = [MethodSpec.parse(text) for text in texts]
    keys = {tuple(c.identity.key for c in plan_cells(suite, [spec], REGISTRY)) for spec in specs}
    assert len(keys) == 1
    (params,) = {described(REGISTRY, spec)[1] for spec in specs}
    assert "sampler" in dict(params) and params == tuple(sorted(params))


def test_the_card_names_the_defaults_and_another_variant_is_another_cell() -> None:
    card, params = described(REGISTRY, MethodSpec.parse("mnist16-edm:sampler=euler"))
    assert dict(card.defaults)["sampler"] == "heun" and dict(params)["sampler"] == "euler"
    pair = "denoised-smoothing:classifier=mnist16-standard,denoiser=none"
    one, two = (described(REGISTRY, MethodSpec.parse(text))[1] for text in (pair, f"{pair},steps=1"))
    assert one == two and dict(one)["steps"] == 1
