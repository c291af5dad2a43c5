"""Outcomes of conformance checks as values: what they are about, what they say, what is made of damaged ones."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from trustdm.bench.conforms import (
    UNREADABLE,
    About,
    CheckOutcome,
    Conformance,
    checks_from,
    checks_text,
    fault,
    status_of,
)
from trustdm.bench.hashing import canonical_json, sha256_of
from trustdm.bench.types import CellIdentity

ABOUT = About("net", "1", (("eps", 0.1),), ("w" * 64,), "c" * 64, "classify", "d" * 64)
CHECKS = (
    CheckOutcome("check_a", "passed"),
    CheckOutcome("check_b", "failed", "expected this é, got that"),
    CheckOutcome("check_c", "skipped", "no labels"),
)
FOUND = Conformance("a" * 32, "b" * 32, ABOUT.key, ABOUT.text, "2026-01-01T00:00:00+00:00", "cpu", 0.5, CHECKS)
FINE = replace(FOUND, checks=CHECKS[::2])


def identity(**changes: Any) -> CellIdentity:
    values: dict[str, Any] = {name: "" for name in CellIdentity.__dataclass_fields__}
    values |= {"method": "net", "method_version": "1", "method_params": (("eps", 0.1),), "weights": ("w" * 64,)}
    return CellIdentity(**(values | {"suite_version": 1, "seed": 0} | changes))


@pytest.mark.parametrize("field", About.__dataclass_fields__)
def test_everything_that_may_move_an_outcome_is_in_the_key(field: str) -> None:
    other = replace(ABOUT, **{field: ("x",) if isinstance(getattr(ABOUT, field), tuple) else "x"})
    assert other.key != ABOUT.key
    assert ABOUT.key == replace(ABOUT).key == sha256_of(json.loads(ABOUT.text))


def test_one_failure_is_a_failure() -> None:
    assert (FOUND.status, FOUND.failed, FINE.status, FINE.failed) == ("failed", ("check_b",), "passed", ())
    assert FOUND.messages == ("check_b: expected this é, got that",)


def test_a_row_passed_where_all_its_cells_did() -> None:
    assert status_of([FINE, FINE]) == "passed" and status_of([FINE, FOUND]) == "failed"
    assert status_of([None, FOUND]) == "failed" and status_of([None, FINE]) == status_of([]) == "not run"


def test_checks_come_back_from_their_text() -> None:
    assert checks_from(checks_text(CHECKS)) == CHECKS


@pytest.mark.parametrize(
    "text", ["", "x", "{}", "[]", "3", "[[1,2,3]]", '[["a","fine",""]]', '[["a","passed"]]', "[" * 9999]
)
def test_a_text_that_cannot_be_read_is_a_failure(text: str) -> None:
    assert [(check.name, check.outcome) for check in checks_from(text)] == [(UNREADABLE, "failed")]


def test_an_outcome_belongs_to_the_cells_of_its_method_only() -> None:
    code = f"{'c' * 64}/{'e' * 64}"
    assert fault(ABOUT.text, ABOUT.key, identity(), code) == ""
    for changed in ({"method": "other"}, {"method_version": "2"}, {"method_params": ()}, {"weights": ()}):
        (name,) = changed
        assert fault(ABOUT.text, ABOUT.key, identity(**changed), code).startswith(name.removeprefix("method_"))
    assert fault(ABOUT.text, ABOUT.key, identity(), "f" * 64).startswith("code: expected")
    assert "the SHA-256 of what it is about" in fault(ABOUT.text, "0" * 64, identity(), code)


@pytest.mark.parametrize("said", ["[]", "{}", "x", '{"method":1}', "[" * 9999])
def test_what_is_about_something_else_is_a_fault(said: str) -> None:
    try:
        key = sha256_of(json.loads(said))
    except (ValueError, RecursionError):
        key = "0" * 64
    assert fault(said, key, identity(), "c" * 64).startswith("expected ")


def test_texts_are_asked_for() -> None:
    said = {name: 1 for name in About.__dataclass_fields__}
    assert "expected texts" in fault(canonical_json(said), sha256_of(said), identity(), "c" * 64)
