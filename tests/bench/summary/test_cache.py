"""The cache gives back what was computed, never for anything else, and may be lost or broken at any time."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from trustdm.bench.plugins import load_suite
from trustdm.bench.records import CellResult, Records
from trustdm.bench.summary import cache as module
from trustdm.bench.summary.cache import FactsCache, decoded, encoded
from trustdm.bench.summary.facts import CellFacts, facts
from trustdm.bench.summary.score import Score
from trustdm.bench.types import CellIdentity, Cost, Estimate, Status

SUITE = load_suite("digits-linf")


def result(revision: str = "r1", right: int = 5) -> CellResult:
    identity = CellIdentity(
        method="m",
        method_version="1",
        method_params=(),
        weights=(),
        suite=SUITE.name,
        suite_version=SUITE.version,
        suite_digest=SUITE.digest,
        data_digest="",
        evaluation="clean",
        protocol="clean",
        protocol_version="clean=1",
        params="{}",
        block_rule=SUITE.block_rule,
        precision="float32",
        seed=0,
    )
    status = np.array([Status.CORRECT] * right + [Status.WRONG] * (8 - right))
    value = np.where(status == Status.CORRECT, 1.0, -1.0)
    records = Records.of("clean", SUITE.test[:8], status, label=np.zeros(8), value=value)
    return CellResult(id=7, identity=identity, planned=600, card={}, records=records, cost=Cost(), revision=revision)


def score(known: CellFacts) -> float:
    return known.scores["clean_accuracy"].estimate.value


def test_facts_survive_the_file_bit_by_bit() -> None:
    known = CellFacts(
        rows=3,
        examples=2,
        whole=True,
        flags=("a",),
        scores={
            "x": Score(
                Estimate(0.1, 0.0, 1 / 3, 2, "detail"),
                np.array([3, 1]),
                np.array([np.nan, 0.1]),
                group=("a", 3, ("b",)),
                label="l",
                caveat="c",
            ),
            "y": Score(Estimate(float("inf"), -0.0, float("nan"), 0), se=1e-300),
        },
        problems=("p",),
    )
    again = decoded(encoded(known))
    assert encoded(again) == encoded(known)
    assert again.scores["x"].group == ("a", 3, ("b",))
    assert hash(again.scores["x"].group)
    assert np.array_equal(again.scores["x"].values, known.scores["x"].values, equal_nan=True)
    assert again.scores["x"].examples.dtype == np.int64


def test_a_second_look_computes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "bench.scores"
    with FactsCache(path) as first:
        one = first.of(SUITE, [result()])(SUITE, result())
    assert (first.hits, first.misses) == (0, 1)
    monkeypatch.setattr(module, "facts", lambda *_: pytest.fail("computed again"))
    second = FactsCache(path)
    two = second.of(SUITE, [result()])(SUITE, result())
    assert (second.hits, second.misses) == (1, 0)
    assert encoded(one) == encoded(two) == encoded(facts(SUITE, result()))


@pytest.mark.parametrize("change", ["revision", "suite", "code", "metric", "reference"])
def test_whatever_a_score_depends_on_drops_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str) -> None:
    path = tmp_path / "bench.scores"
    with FactsCache(path) as first:
        first.of(SUITE, [result()])(SUITE, result())
    suite, other = SUITE, result()
    if change == "revision":
        other = result("r2", right=2)
    elif change == "suite":
        suite = load_suite("digits-linf")
        suite.__dict__["content_digest"] = "another alpha"
    elif change == "code":
        monkeypatch.setattr(module, "code_stamp", lambda task: "edited")
    elif change == "metric":
        task = type(SUITE.task)
        monkeypatch.setattr(task, "metrics", tuple(replace(m, version=2) for m in task.metrics))
    else:
        monkeypatch.setattr(type(SUITE.task), "reference_stamp", lambda self, suite: "another file")
    cache = FactsCache(path)
    known = cache.of(suite, [other])(suite, other)
    assert cache.misses == 1
    assert score(known) == (2 / 8 if change == "revision" else 5 / 8)


@pytest.mark.parametrize("content", [b"", b"no database", b"SQLite format 3\0 but damaged" * 100])
def test_a_broken_file_is_no_cache_and_no_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bench.scores"
    path.write_bytes(content)
    with FactsCache(path) as cache:
        assert score(cache.of(SUITE, [result()])(SUITE, result())) == 5 / 8


def test_broken_entries_are_computed_anew(tmp_path: Path) -> None:
    path = tmp_path / "bench.scores"
    with FactsCache(path) as cache:
        cache.of(SUITE, [result()])(SUITE, result())
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE facts SET value = '{\"rows\": 1}'")
    connection.close()
    again = FactsCache(path)
    assert score(again.of(SUITE, [result()])(SUITE, result())) == 5 / 8


def test_without_a_revision_or_a_file_nothing_is_kept(tmp_path: Path) -> None:
    with FactsCache(tmp_path / "bench.scores") as cache:
        cache.of(SUITE, [result("")])(SUITE, result(""))
    assert not (tmp_path / "bench.scores").exists()
    with FactsCache(None) as none:
        assert score(none.of(SUITE, [result()])(SUITE, result())) == 5 / 8
    assert FactsCache.beside("postgresql://host/name").path is None
    assert FactsCache.beside(str(tmp_path / "absent.db")).path is None


def test_numbers_of_another_kind_come_back_as_the_same_numbers() -> None:
    odd = Score(
        Estimate(np.float64(0.5), 0.0, 1.0, np.int64(8)),
        examples=np.arange(8, dtype=np.int32),
        values=np.arange(8) % 2 == 0,
        group=("l2", np.int64(3)),
    )
    again = decoded(encoded(CellFacts(8, 8, True, (), {"x": odd}))).scores["x"]
    assert again.examples is not None and again.examples.tolist() == list(range(8))
    assert again.values is not None and again.values.tolist() == [1.0, 0.0] * 4
    assert again.group == ("l2", 3)


def test_a_file_of_somebody_else_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "bench.scores"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    before = path.read_bytes()
    with FactsCache(path) as cache:
        assert score(cache.of(SUITE, [result()])(SUITE, result())) == 5 / 8
    assert path.read_bytes() == before


def test_a_database_is_never_its_own_cache(tmp_path: Path) -> None:
    database = tmp_path / "results.scores"
    database.touch()
    assert FactsCache.beside(str(database)).path is None
    assert FactsCache.beside(str(database.rename(tmp_path / "results.db"))).path == database


def test_code_that_was_edited_meanwhile_is_known_to_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stamp = module.code_stamp.__wrapped__
    (tmp_path / "stats.py").write_text("")
    monkeypatch.setattr(module, "PACKAGE", tmp_path)
    monkeypatch.setattr(module, "STARTED", (tmp_path / "stats.py").stat().st_mtime_ns - 1)
    assert stamp(SUITE.task) != stamp(SUITE.task)
    monkeypatch.setattr(module, "STARTED", (tmp_path / "stats.py").stat().st_mtime_ns)
    assert stamp(SUITE.task) == stamp(SUITE.task)


def test_metrics_and_pages_of_another_package_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "lonescores.py").write_text("X = 1")
    task = type(SUITE.task)
    monkeypatch.setattr(task, "metrics", (replace(task.metrics[0], function="lonescores:share"),))
    assert module._foreign(SUITE.task) == [tmp_path / "lonescores.py"]
