"""A restructuring moves no number: rows, keys of cells, digests of suites and of exported blocks stay what they were.

``golden/nothing_moved.json`` was made at the commit before the tasks got rooms of their own, with every registered
method of that time and the shipped results. Since then an identity names every parameter of a method, and not only
those that were typed: nothing else in a key may have moved, and rows stay what they were (``results/parameters.json``).
Fields of a row that came later are not looked at. A metric whose version was raised since (``Metric.version``) says
something else now, and on purpose: it must still be there.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from trustdm.bench import plugins
from trustdm.bench.hashing import sha256_of
from trustdm.bench.plan import choose, plan_cells
from trustdm.bench.plugins import load_suite
from trustdm.bench.shipped import import_shipped
from trustdm.bench.store import runfiles
from trustdm.bench.store.store import Store
from trustdm.bench.suite.load import Suite, shipped
from trustdm.bench.summary.rows import rows
from trustdm.bench.types import CellIdentity

GOLDEN = json.loads((Path(__file__).parent / "golden" / "nothing_moved.json").read_text(encoding="utf-8"))
REGISTRY = plugins.load(installed=False).registry
EXPORTED = ("key", "identity", "planned", "code_digest", "created", "blocks")
RAISED = {f"{attack}=2": f"{attack}=1" for attack in ("apgd-ce", "apgd-t", "fab-t", "square")}
"""Versions of attacks raised on purpose since: docs/decisions/020-autoattack-speed.md."""
each_suite = pytest.mark.parametrize("name", sorted(GOLDEN["suites"]))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """The shipped results in a database."""
    with Store.open(tmp_path_factory.mktemp("moved") / "bench.db") as store:
        import_shipped(store)
        yield store


def test_every_suite_of_then_is_there() -> None:
    assert set(GOLDEN["suites"]) <= set(shipped())


@each_suite
def test_a_suite_has_the_digests_it_had(name: str) -> None:
    suite = load_suite(name)
    assert [suite.digest, suite.content_digest] == GOLDEN["suites"][name]


@each_suite
def test_a_cell_has_the_key_it_had(name: str) -> None:
    suite, then = load_suite(name), GOLDEN["keys"][name]
    cells = plan_cells(suite, choose(suite, REGISTRY, ()), REGISTRY)
    typed = [(c, replace(c.identity, method_params=c.spec.params, protocol_version=_then(c.identity))) for c in cells]
    now = {f"{c.spec}/{c.identity.evaluation}/{c.identity.seed}": it.key for c, it in typed}
    assert {cell: now.get(cell) for cell in then} == then


def _then(identity: CellIdentity) -> str:
    """The versions of the protocol and its attacks as they were; nothing else in a key may have moved."""
    return " ".join(RAISED.get(version, version) for version in identity.protocol_version.split())


def test_keys_are_looked_at() -> None:
    assert sum(len(keys) for keys in GOLDEN["keys"].values()) > 50


@each_suite
def test_a_row_says_what_it_said(name: str, store: Store) -> None:
    suite = load_suite(name)
    then = GOLDEN["rows"][name]
    shown = [row.as_json() for row in rows(suite, store.results(name))]
    now = [row for row in shown if any(which(row) == which(old) for old in then)]  # others were measured since
    assert [which(row) for row in now] == [which(old) for old in then]
    for old, new in zip(then, now, strict=True):
        new["params"] = new["shown"]
        assert list(differences(without_revised(suite, old), without_revised(suite, new), old["method"])) == []
        assert set(old["metrics"]) == set(new["metrics"])


def which(row: dict[str, Any]) -> tuple[object, ...]:
    """Which method a row is of."""
    return row["method"], row["version"], json.dumps(row.get("shown", row["params"]), sort_keys=True), row["seed"]


def without_revised(suite: Suite, row: dict[str, Any]) -> dict[str, Any]:
    """The row without metrics whose version was raised."""
    revised = {m.name for m in suite.metrics if (metric := suite.task.metric(m.statistic)) and metric.version > 1}
    return row | {"metrics": {name: value for name, value in row["metrics"].items() if name not in revised}}


def differences(old: Any, new: Any, where: str) -> Iterator[str]:
    """What differs, by place; the last bits of a float may, on another machine, and later fields are no difference."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key, value in old.items():
            yield from differences(value, new.get(key, "nothing"), f"{where}.{key}")
    elif isinstance(old, float) and isinstance(new, float):
        if not math.isclose(old, new, rel_tol=1e-9, abs_tol=1e-12):
            yield f"{where}: {old} then, {new} now"
    elif old != new:
        yield f"{where}: {old!r} then, {new!r} now"


def test_a_difference_is_seen() -> None:
    old = {"a": 1, "b": {"c": 0.5, "d": [1, 2]}}
    assert list(differences(old, {**old, "later": 3}, "row")) == []
    assert list(differences(old, {"a": 2, "b": {"c": 0.5 + 1e-6}}, "row")) == [
        "row.a: 1 then, 2 now",
        "row.b.c: 0.5 then, 0.500001 now",
        "row.b.d: [1, 2] then, 'nothing' now",
    ]


def test_exported_blocks_are_those_that_were_exported(store: Store, tmp_path: Path) -> None:
    found = {}
    for path in runfiles.export(store, tmp_path):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        digests = {cell["uid"]: sha256_of([cell[key] for key in EXPORTED]) for cell in cells}
        found[path.relative_to(tmp_path).as_posix()] = digests
    assert {name: found.get(name) for name in GOLDEN["exports"]} == GOLDEN["exports"]
