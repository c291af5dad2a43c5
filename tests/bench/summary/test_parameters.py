"""All parameters of a stored cell, and those that are shown; cells of before identities were full have a table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from toyboard import SUITE, cell, records

from trustdm.bench import plugins
from trustdm.bench.plan import MethodSpec, described
from trustdm.bench.shipped import measured
from trustdm.bench.summary import parameters as module
from trustdm.bench.summary.marks import grouped
from trustdm.bench.summary.parameters import parameters

TABLE = json.loads((measured().parent / module.TABLE).read_text(encoding="utf-8"))
REGISTRY = plugins.load(installed=False).registry
DEFAULTS = [["order", 2], ["rho", 7.0], ["sampler", "heun"]]


def stored(number, params, card, **changes):
    made = records(SUITE.test, clean="CCCC")
    return cell(number, "clean", made, method_params=params, card=card, **changes)


def of(params, card=None, **changes):
    return parameters(stored(1, params, card or {}, **changes))


def test_without_defaults_everything_is_shown():
    assert of((("rho", 7.0),)) == module.Parameters((("rho", 7.0),), (("rho", 7.0),))


def test_what_has_its_default_is_not_shown_unless_every_variant_names_it():
    full = (("order", 3), ("rho", 7.0), ("sampler", "heun"))
    card = {"defaults": DEFAULTS}
    assert of(full, card) == module.Parameters(full, (("order", 3),))
    card["variants"] = ["sampler=heun", "sampler=euler,order=3"]
    assert of(full, card).shown == (("order", 3), ("sampler", "heun"))
    assert of((("widths", (4, 8)),), {"defaults": [["widths", [4, 8]]]}).shown == ()


@pytest.mark.parametrize("odd", [3, "abc", [1, 2], [["a"]], {"a": 1}, None])
def test_a_card_may_hold_anything(odd):
    assert of((("a", 1),), {"defaults": odd, "variants": odd}).full == (("a", 1),)


def test_a_cell_from_before_says_the_same_as_one_of_today(monkeypatch):
    old = stored(1, (("order", 3),), {})
    monkeypatch.setattr(module, "_aliases", lambda: {module._key(old.identity): dict(DEFAULTS)})
    full = (("order", 3), ("rho", 7.0), ("sampler", "heun"))
    assert of((("order", 3),)) == of(full, {"defaults": DEFAULTS}) == module.Parameters(full, (("order", 3),))
    assert of((("order", 3),), method_version="2").full == (("order", 3),)
    assert [layer for layer, _ in grouped([old, stored(2, full, {"defaults": DEFAULTS})])] == [0, 1]


def stored_without_defaults():
    """(method, version, parameters as they were typed) of the shipped run files whose cards name no defaults."""
    for path in sorted(measured().glob("*/*.json")):
        file = json.loads(path.read_text(encoding="utf-8"))
        for entry in file["cards"]:
            if file["params"] and not entry["card"].get("defaults"):
                yield pytest.param(file["method"], entry["card"]["version"], dict(file["params"]), id=Path(path).stem)


@pytest.mark.parametrize(("method", "version", "given"), list(stored_without_defaults()))
def test_shipped_results_are_the_variants_that_are_run_today(method, version, given):
    """Their parameters, completed by the table, are those of the same text typed today, at the same version."""
    card, params = described(REGISTRY, MethodSpec(method, tuple(sorted(given.items()))))
    assert card.version == version, "a new version has new results, or none"
    if not card.defaults:  # every parameter has to be typed, or the identity holds all of them
        assert given == dict(params)
        return
    (row,) = [r for r in TABLE if (r["method"], r["version"], r["given"]) == (method, version, given)]
    assert row["defaults"] | given == dict(params) and row["defaults"] == dict(card.defaults)
