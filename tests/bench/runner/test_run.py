"""The runner: resume, jobs, batch sizes, failures, and what it refuses."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import psutil
import pytest
from helpers import TEMPLATES, TINY, Measure, only_clean, plugin, same, stored

from trustdm.bench import api
from trustdm.bench.errors import UsageError
from trustdm.bench.records import Records
from trustdm.bench.runner.run import Exit, Options
from trustdm.bench.runner.units import Unit
from trustdm.bench.store.store import Store
from trustdm.bench.types import Status

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


def test_one_job_and_two_jobs_give_the_same_records(measure: Measure, tmp_path: Path) -> None:
    measure("one.db", jobs=1)
    measure("two.db", jobs=2)
    assert same(stored(tmp_path / "one.db"), stored(tmp_path / "two.db"))


@pytest.mark.parametrize("batch_size", [1, 7])
def test_batch_size_moves_no_noise_and_hardly_a_verdict(measure: Measure, tmp_path: Path, batch_size: int) -> None:
    measure("block.db")
    measure("small.db", batch_size=batch_size)
    with Store.open(str(tmp_path / "small.db")) as store:
        sizes = {row.batch_size for cell in store.cells() for row in store.blocks(cell.id).values()}
    assert sizes == {batch_size}
    large, small = stored(tmp_path / "block.db"), stored(tmp_path / "small.db")
    np.testing.assert_allclose(large[CLEAN].sorted().value, small[CLEAN].sorted().value, rtol=1e-5, atol=1e-5)
    for key in large:
        assert differing_share(large[key], small[key]) <= 0.02, key


def differing_share(a: Records, b: Records) -> float:
    """The share of rows whose verdict differs."""
    a, b = a.sorted(), b.sorted()
    assert np.array_equal(a.example, b.example) and np.array_equal(a.probe, b.probe)
    return float((a.status != b.status).mean())


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
    assert (costs["clean"].forwards, costs["clean"].gradients) == (8, 0)
    assert costs["pgd"].gradients <= 8 * 11 and costs["pgd"].gradients >= 8


def test_running_out_of_memory_halves_the_batch(measure: Measure, tmp_path: Path) -> None:
    """The allocator itself refuses: each image asks for a third of this machine's memory, untouched."""
    third = psutil.virtual_memory().total // 3
    greedy = plugin(
        tmp_path,
        f"torch.empty(len(x) * {third}, dtype=torch.uint8)\nw = torch.arange(640.0).reshape(64, 10).sin()\n"
        "return x.flatten(1) @ w",
        "greedy",
    )
    modest = plugin(tmp_path, "w = torch.arange(640.0).reshape(64, 10).sin()\nreturn x.flatten(1) @ w", "modest")
    for path in (greedy, modest):
        assert measure(path.stem, (path.stem,), plugins=(path,), limit=16).exit_code is Exit.DONE
    with Store.open(str(tmp_path / "greedy")) as store:
        sizes = {r.batch_size for c in store.cells() for r in store.blocks(c.id).values()}
    assert max(sizes) < 8
    a, b = stored(tmp_path / "greedy"), stored(tmp_path / "modest")
    for (_, evaluation), records in a.items():
        assert differing_share(records, b["modest", evaluation]) <= 0.02, evaluation


BROKEN = {
    "shape": ("return torch.zeros(len(x), 7)", "expected logits of shape (8, 10), got (8, 7)"),
    "nan": ("return torch.full((len(x), 10), float('nan'))", "expected finite logits, got NaN or infinity for 8 of 8"),
    "integers": (
        "return torch.zeros(len(x), 10, dtype=torch.int64)",
        "floating point logits, got torch.int64",
    ),
    "list": ("return [0] * len(x)", "expected a tensor of logits (8, 10), got list"),
    "raises": ("raise KeyError('layer4')", "classify raised KeyError: 'layer4'"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_method_that_breaks_its_contract_is_a_record(measure: Measure, tmp_path: Path, fault: str) -> None:
    body, message = BROKEN[fault]
    path = plugin(tmp_path, body)
    report = measure(methods=("broken",), plugins=(path,), limit=8)
    assert report.exit_code is Exit.SOME_FAILED and report.failed == 3
    assert len(report.lines) == 3 and all(message in line and "\n" not in line for line in report.lines)
    records = stored(tmp_path / "a.db")["broken", "clean"]
    assert set(records.status) == {Status.FAILED} and len(records) == 8
    again = measure(methods=("broken",), plugins=(path,), limit=8)
    assert again.exit_code is Exit.SOME_FAILED and "--retry-failed" in again.lines[0]


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


def test_a_worker_that_dies_is_tried_again_and_then_reported(measure: Measure, tmp_path: Path) -> None:
    path = plugin(tmp_path, "import os\nos._exit(9)")
    report = measure(suite=only_clean(tmp_path), methods=("broken",), plugins=(path,), limit=8, jobs=2)
    assert report.exit_code is Exit.ERROR and report.done == 0 and len(report.lines) == 1
    assert "3 times" in report.lines[0] and "exit code 9" in report.lines[0]
    assert not any(len(r) for r in stored(tmp_path / "a.db").values())


def test_a_broken_method_does_not_end_the_others(measure: Measure, tmp_path: Path) -> None:
    path = plugin(tmp_path, "return torch.zeros(1)")
    report = measure(methods=("broken", "templates"), plugins=(path, TEMPLATES), limit=8)
    assert report.exit_code is Exit.SOME_FAILED and (report.done, report.failed) == (3, 3)


def test_a_missing_checkpoint_is_an_error_of_its_method_only(measure: Measure, tmp_path: Path) -> None:
    path = tmp_path / "heavy.py"
    path.write_text(
        "from pathlib import Path\nfrom trustdm import MethodCard, WeightFile, method\n"
        "FILE = WeightFile(file='none.safetensors', sha256='0' * 64)\n\n"
        "@method(MethodCard(name='heavy', input_shape=(1, 8, 8), classes=10, weights=(FILE,)))\n"
        "def load():\n    from trustdm.bench.training.weights import load_state\n"
        "    return load_state(FILE, Path(__file__).parent)\n",
        encoding="utf-8",
    )
    alone = measure(methods=("heavy",), plugins=(path,), limit=8)
    assert alone.exit_code is Exit.ERROR and len(alone.lines) == 1 and "none.safetensors" in alone.lines[0]
    both = measure(methods=("heavy", "templates"), plugins=(path, TEMPLATES), limit=8)
    assert both.exit_code is Exit.SOME_FAILED and both.done == 3


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


def test_units_of_a_plan_travel_between_processes() -> None:
    import pickle

    request = api.Request(suites=(TINY,), methods=("templates",), plugins=(TEMPLATES,))
    cell = api.prepare(request).cells[0]
    unit = pickle.loads(pickle.dumps(Unit(cell, cell.blocks[0])))  # noqa: S301 - our own bytes
    assert unit.cell.identity.key == cell.identity.key and np.array_equal(unit.cell.suite.test, cell.suite.test)
