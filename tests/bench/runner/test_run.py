"""The runner: resume, batch sizes, failures, and what it refuses."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
from helpers import TEMPLATES, TINY, Measure, differing_share, plugin, same, stored

from trustdm.bench import api
from trustdm.bench.errors import UsageError
from trustdm.bench.runner.run import Exit, Options, Progress, Runner
from trustdm.bench.runner.units import Overdue, Unit, UnitResult
from trustdm.bench.store.store import Store
from trustdm.bench.types import RunInfo, Status

CLEAN = ("templates", "clean")


PGD = ("templates", "pgd")


def test_a_second_run_finds_everything_there(measure: Measure) -> None:
    assert (first := measure()).exit_code is Exit.DONE and first.done == 12
    again = measure()
    assert (again.done, again.skipped, again.exit_code) == (0, 12, Exit.DONE)


def test_a_limit_is_a_part_of_the_full_run(measure: Measure, tmp_path: Path) -> None:
    assert measure("parts.db", limit=5).done == 3
    assert {len(set(r.example)) for r in stored(tmp_path / "parts.db").values()} == {8}
    assert measure("parts.db", limit=20).done == 6
    measure("parts.db")
    measure("whole.db")
    assert same(stored(tmp_path / "parts.db"), stored(tmp_path / "whole.db"))


@pytest.fixture
def one_block(tmp_path: Path) -> Path:
    """The tiny suite over 64 images in a single block."""
    text = TINY.read_text(encoding="utf-8").replace("1200-1247", "1200-1263").replace("full = 48", "full = 64")
    path = tmp_path / "one_block.toml"
    path.write_text(text.replace("first_block = 8", "first_block = 64").replace("block = 16", "block = 64"))
    return path


@pytest.mark.parametrize("batch_size", [1, 7])
def test_batch_size_moves_no_noise_and_hardly_a_verdict(
    measure: Measure, tmp_path: Path, one_block: Path, batch_size: int, record_property: Callable[[str, object], None]
) -> None:
    """Against a batch of 64. Noise is the same bit for bit, or logits and verdicts would have no reason to agree."""
    measure("block.db", suite=one_block)
    measure("small.db", suite=one_block, batch_size=batch_size)
    for name, size in (("block.db", 64), ("small.db", batch_size)):
        with Store.open(str(tmp_path / name)) as store:
            assert {row.batch_size for cell in store.cells() for row in store.blocks(cell.id).values()} == {size}
    large, small = stored(tmp_path / "block.db"), stored(tmp_path / "small.db")
    np.testing.assert_allclose(large[CLEAN].sorted().value, small[CLEAN].sorted().value, rtol=1e-5, atol=1e-5)
    for key in large:
        share = differing_share(large[key], small[key])
        record_property(f"share of differing verdicts, {key[1]}", share)
        assert share <= 0.02, key


@pytest.mark.slow
def test_batch_size_under_autoattack(
    tmp_path: Path, measure: Measure, record_property: Callable[[str, object], None]
) -> None:
    """The adversarially trained network on 128 images, full parameters, batches of 1, 7, 64; a quarter of an hour."""
    for size in (64, 7, 1):
        how = {"suite": "mnist16-linf", "methods": ("mnist16-pgd-at",), "plugins": (), "limit": 128}
        assert measure(f"{size}.db", batch_size=size, **how).exit_code is Exit.DONE
    large = stored(tmp_path / "64.db")
    for size in (7, 1):
        small = stored(tmp_path / f"{size}.db")
        for key in large:
            share = differing_share(large[key], small[key])
            record_property(f"share of differing verdicts, {key[1]}, batch {size}", share)
            assert share <= 0.01, (key, size, share)


def test_records_follow_the_harness_own_rules(measure: Measure, tmp_path: Path) -> None:
    measure()
    records = stored(tmp_path / "a.db")[PGD]
    clean, attacked = (records.where(records.probe == p) for p in ("clean", "pgd"))
    wrong = set(clean.example[clean.status == Status.WRONG])
    assert set(attacked.example[attacked.status == Status.NOT_RUN]) == wrong
    ran = attacked.status != Status.NOT_RUN
    assert np.all(attacked.norm[ran] <= 0.1 + 1e-6)
    assert np.all((attacked.value[ran] <= 0) == (attacked.status[ran] == Status.WRONG))


def test_counts_are_those_of_the_network(measure: Measure, tmp_path: Path) -> None:
    measure(limit=8)
    with Store.open(str(tmp_path / "a.db")) as store:
        costs = {c.identity.evaluation: store.blocks(c.id)[0].cost for c in store.cells()}
    assert (costs["clean"].forwards, costs["clean"].gradients) == (16, 0)
    assert costs["pgd"].gradients <= 8 * 11 and costs["pgd"].gradients >= 8


def test_failed_blocks_are_run_again_when_asked(measure: Measure, tmp_path: Path) -> None:
    flag = tmp_path / "mended"
    path = plugin(
        tmp_path,
        f"import pathlib\nif not pathlib.Path({str(flag)!r}).exists():\n    raise RuntimeError('not today')\n"
        "return x.flatten(1)[:, :10] * 1.0",
    )
    assert measure(methods=("broken",), plugins=(path,), limit=8).failed == 3
    flag.touch()
    report = measure(methods=("broken",), plugins=(path,), limit=8, options=Options(retry_failed=True))
    assert (report.done, report.failed, report.exit_code) == (3, 0, Exit.DONE)


def test_changed_code_is_refused_until_started_anew(measure: Measure, tmp_path: Path) -> None:
    path = plugin(tmp_path, "return x.flatten(1)[:, :10] * 1.0")
    measure(methods=("broken",), plugins=(path,), limit=8)
    before = stored(tmp_path / "a.db")
    _forget(path)
    plugin(tmp_path, "# only a comment\nreturn x.flatten(1)[:, :10] * 1.0")
    assert measure(methods=("broken",), plugins=(path,)).exit_code is Exit.DONE
    _forget(path)
    plugin(tmp_path, "return x.flatten(1)[:, :10] * 2.0")
    report = measure(methods=("broken",), plugins=(path,))
    assert report.exit_code is Exit.ERROR and "other code of this method" in report.lines[0]
    assert len(stored(tmp_path / "a.db")["broken", "clean"]) == 48 >= len(before["broken", "clean"])
    fresh = measure(methods=("broken",), plugins=(path,), options=Options(fresh=True))
    assert fresh.exit_code is Exit.DONE and fresh.done == 12


def _forget(path: Path) -> None:
    """Lets the next load read the file again, as a new process would."""
    for name in [n for n, m in sys.modules.items() if getattr(m, "__file__", None) == str(path)]:
        del sys.modules[name]


def test_a_run_stops_at_a_block_boundary_when_its_time_is_over(measure: Measure, tmp_path: Path) -> None:
    report = measure(options=Options(max_seconds=0.0))
    assert report.exit_code is Exit.STOPPED and report.done == 0
    assert measure().exit_code is Exit.DONE


def test_a_broken_method_does_not_end_the_others(measure: Measure, tmp_path: Path) -> None:
    path = plugin(tmp_path, "return torch.zeros(1)")
    report = measure(methods=("broken", "templates"), plugins=(path, TEMPLATES), limit=8)
    assert report.exit_code is Exit.SOME_FAILED and (report.done, report.failed) == (3, 3)


def test_randomized_methods_are_drawn_often_and_repeat_themselves(measure: Measure, tmp_path: Path) -> None:
    seeded = plugin(
        tmp_path,
        "w = torch.arange(640.0).reshape(64, 10).sin()\nreturn (x + 0.1 * torch.randn_like(x)).flatten(1) @ w",
        "shaky",
        ", randomness='block-seeded'",
    )
    keyed = plugin(
        tmp_path,
        "w = torch.arange(640.0).reshape(64, 10).sin()\n"
        "return (x + 0.1 * noise[0].normal('n', tuple(x.shape[1:]))).flatten(1) @ w",
        "keyed",
        ", randomness='keyed'",
    )
    for path in (seeded, keyed):
        for db in ("first", "second"):
            assert measure(db, (path.stem,), plugins=(path,), limit=8).exit_code is Exit.DONE
    first, second = stored(tmp_path / "first"), stored(tmp_path / "second")
    assert same(first, second)
    for name in ("shaky", "keyed"):
        clean = first[name, "clean"]
        assert sorted(set(clean.draw)) == list(range(10))
        assert len({float(v) for v in clean.value[clean.example == 1200]}) == 10
        ensemble = first[name, "ensemble"]
        broken = set(ensemble.example[(ensemble.probe == "apgd-ce") & (ensemble.status == Status.WRONG)])
        later = ensemble.where((ensemble.probe == "square") & np.isin(ensemble.example, list(broken)))
        assert broken and not np.any(later.status == Status.NOT_RUN)


def test_names_and_limits_that_make_no_sense_are_refused() -> None:
    with pytest.raises(UsageError, match="did you mean 'templates'"):
        api.prepare(api.Request(suites=(TINY,), methods=("template",), plugins=(TEMPLATES,)))
    with pytest.raises(UsageError, match="expected input shape"):
        api.prepare(api.Request(suites=(TINY,), methods=("mnist16-standard",)))
    with pytest.raises(UsageError, match="expected at least 1, got 0"):
        api.prepare(api.Request(suites=(TINY,), methods=("templates",), plugins=(TEMPLATES,), limit=0))


def test_retrying_fewer_blocks_launders_no_failure(measure: Measure, tmp_path: Path) -> None:
    path = plugin(tmp_path, "raise RuntimeError('always')")
    assert measure(methods=("broken",), plugins=(path,), limit=16).failed == 6
    before = stored(tmp_path / "a.db")
    report = measure(methods=("broken",), plugins=(path,), limit=8, options=Options(retry_failed=True))
    assert report.failed == 3 and same(before, stored(tmp_path / "a.db"))


def test_a_fresh_start_supersedes_nothing_before_it_has_measured(measure: Measure, tmp_path: Path) -> None:
    assert measure(limit=8).exit_code is Exit.DONE
    stopped = measure(limit=8, options=Options(fresh=True, max_seconds=0.0))
    assert stopped.exit_code is Exit.STOPPED
    with Store.open(str(tmp_path / "a.db")) as store:
        assert [c.superseded for c in store.cells()] == [False] * 3
    measure(limit=8, options=Options(fresh=True))
    with Store.open(str(tmp_path / "a.db")) as store:
        assert sorted(c.superseded for c in store.cells()) == [False] * 3 + [True] * 3


class Halting:
    """A backend that fails every unit once, and stops in the retries."""

    def __init__(self) -> None:
        self.calls = 0

    def run(self, units: Iterable[Unit], stopping: Callable[[], bool], overdue: Overdue) -> Iterator[UnitResult]:
        self.calls += 1
        for unit in units if self.calls == 1 else ():
            yield UnitResult(unit, "machine", error="out of memory")

    def abandon(self) -> None:
        """There is nothing to end."""

    def give_way(self) -> None:
        """It computes nothing."""


def test_a_stop_during_retries_is_a_stop(tmp_path: Path) -> None:
    request = api.Request(suites=(TINY,), methods=("templates",), plugins=(TEMPLATES,), limit=8)
    prepared = api.prepare(request)
    info = RunInfo("run", "2026-01-01T00:00:00+00:00", "test", "", None)
    with Store.open(str(tmp_path / "a.db")) as store:
        report = Runner(store, Halting(), info, Options(), Progress()).run(prepared.cells)
    assert report.done == 0 and report.stopped and report.exit_code is Exit.STOPPED
