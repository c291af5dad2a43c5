"""Worker processes: the same records as one, and what becomes of workers that die."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from helpers import Measure, only_clean, plugin, same, stored

from trustdm.bench.runner import processes
from trustdm.bench.runner.run import Exit
from trustdm.bench.runner.units import Unit


def test_one_job_and_two_jobs_give_the_same_records(measure: Measure, tmp_path: Path) -> None:
    measure("one.db", jobs=1)
    measure("two.db", jobs=2)
    assert same(stored(tmp_path / "one.db"), stored(tmp_path / "two.db"))


def test_a_worker_that_dies_is_tried_again_and_then_reported(measure: Measure, tmp_path: Path) -> None:
    path = plugin(tmp_path, "import os\nos._exit(9)")
    report = measure(suite=only_clean(tmp_path), methods=("broken",), plugins=(path,), limit=8, jobs=2)
    assert report.exit_code is Exit.ERROR and report.done == 0
    (line,) = [line for line in report.lines if "conformance checks were given up" not in line]
    assert "3 times" in line and "exit code 9" in line
    assert not any(len(r) for r in stored(tmp_path / "a.db").values())


def test_a_worker_killed_while_idle_is_replaced(measure: Measure, monkeypatch: pytest.MonkeyPatch) -> None:
    give, killed = processes.Worker.give, []

    def give_and_kill(worker: processes.Worker, unit: Unit) -> None:
        if worker.told and not killed:
            killed.append(worker.process.pid)
            worker.process.kill()
            worker.process.join()
        give(worker, unit)

    monkeypatch.setattr(processes.Worker, "give", give_and_kill)
    report = measure(jobs=2, limit=16)
    assert killed and (report.done, report.exit_code) == (6, Exit.DONE)


def test_a_thread_that_a_plugin_leaves_behind_does_not_keep_the_run(measure: Measure, tmp_path: Path) -> None:
    path = plugin(
        tmp_path,
        "import threading, time\nthreading.Thread(target=time.sleep, args=(600,)).start()\n"
        "return x.flatten(1)[:, :10] * 1.0",
    )
    begun = time.monotonic()
    suite = only_clean(tmp_path)
    assert measure(suite=suite, methods=("broken",), plugins=(path,), limit=8, jobs=2).exit_code is Exit.DONE
    assert time.monotonic() - begun < 120
