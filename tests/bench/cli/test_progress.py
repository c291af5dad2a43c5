"""Lines and bars while a run works."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from helpers import TEMPLATES, TINY

from trustdm.bench import api
from trustdm.bench.cli import console
from trustdm.bench.cli.progress import BarProgress, LineProgress, examples, finishing, progress, took
from trustdm.bench.plan import PlannedCell
from trustdm.bench.runner.flight import InFlight, Past
from trustdm.bench.runner.run import Task
from trustdm.bench.runner.units import Outcome, Unit, UnitResult
from trustdm.bench.types import Block, Cost


@pytest.fixture(scope="module")
def cells() -> list[PlannedCell]:
    """The three cells of the tiny suite: blocks 0..8, 8..16, 16..32, 32..48 each."""
    return api.prepare(api.Request(suites=(TINY,), methods=("templates",), plugins=(TEMPLATES,))).cells


def back(cell: PlannedCell, k: int, seconds: float = 0.0, outcome: Outcome = "done", error: str = "") -> UnitResult:
    return UnitResult(Unit(cell, cell.blocks[k]), outcome, cost=Cost(wall=seconds), error=error)


def asked(cells: list[PlannedCell], there: int = 0) -> list[Task]:
    """All blocks of the cells, of which the first ``there`` of each are stored."""
    return [Task(c, None, c.blocks[there:], sum(map(len, c.blocks[:there]))) for c in cells]


def test_a_block_is_a_line(cells: list[PlannedCell], capsys: pytest.CaptureFixture[str]) -> None:
    lines = LineProgress(jobs=1)
    lines.start(asked(cells[:1]))
    assert capsys.readouterr().err == ""
    lines.finished(back(cells[0], 0, 8.0))
    assert capsys.readouterr().err == "[1/4] tiny / templates / clean: examples 0..8 done in 8.0 s, about 40 s left\n"
    for k, seconds in ((1, 8.0), (2, 16.0)):
        lines.finished(back(cells[0], k, seconds))
    lines.finished(back(cells[0], 3, 16.0))
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == "[4/4] tiny / templates / clean: examples 32..48 done in 16 s"


def test_what_is_there_is_one_line(cells: list[PlannedCell], capsys: pytest.CaptureFixture[str]) -> None:
    lines = LineProgress(jobs=1)
    lines.start(asked(cells, there=2))
    lines.finished(back(cells[0], 2, 0.1))
    first, second = capsys.readouterr().err.splitlines()
    assert first == "6 of 12 blocks are there already" and second.startswith("[7/12] tiny / templates / clean: ")
    LineProgress(jobs=1).start(asked(cells, there=4))
    assert capsys.readouterr().err == ""


def test_the_rest_is_shared_by_jobs_and_each_evaluation_has_its_own_speed(
    cells: list[PlannedCell], capsys: pytest.CaptureFixture[str]
) -> None:
    lines = LineProgress(jobs=2)
    lines.start(asked(cells[:2]))
    lines.finished(back(cells[0], 0, 8.0))  # 1 s an example: 40 left on 2, and of the other nobody knows
    assert capsys.readouterr().err.endswith(" done in 8.0 s, about 20 s left, and then pgd (not timed yet)\n")
    lines.finished(back(cells[1], 0, 80.0))  # 10 s an example: 40 + 400 left on 2
    assert capsys.readouterr().err.endswith(" done in 1.3 min, about 3.7 min left\n")


@pytest.mark.parametrize(
    ("outcome", "error", "text"),
    [
        ("failed", "it raised", "[1/4] tiny / templates / clean: examples 0..8 failed"),
        ("setup", "no data", "[1/1] tiny / templates / clean: examples 0..8 left out, with all that was to follow it"),
        ("bug", "Traceback", "[1/1] tiny / templates / clean: examples 0..8 left out, with all that was to follow it"),
        ("machine", "out of memory", "tiny / templates / clean: examples 0..8 not done: out of memory"),
    ],
)
def test_a_block_that_was_not_measured(
    cells: list[PlannedCell], capsys: pytest.CaptureFixture[str], outcome: Outcome, error: str, text: str
) -> None:
    lines = LineProgress(jobs=1)
    lines.start(asked(cells[:1]))
    lines.finished(back(cells[0], 0, outcome=outcome, error=error))
    assert capsys.readouterr().err == f"{text}\n"


def test_what_is_left_out_is_not_waited_for(cells: list[PlannedCell], capsys: pytest.CaptureFixture[str]) -> None:
    for outcome, place in (("bug", "[2/9]"), ("setup", "[2/2]")):
        lines = LineProgress(jobs=1)
        lines.start(asked(cells))
        lines.finished(back(cells[1], 0, 8.0))
        lines.finished(back(cells[0], 0, outcome=outcome))  # type: ignore[arg-type]
        last = capsys.readouterr().err.splitlines()[-1]
        assert last.startswith(f"{place} ") and ("left" in last.partition("follow it")[2]) == (outcome == "bug")


def test_a_run_in_a_pipe_says_each_block_and_then_that_all_is_there(tiny: Any) -> None:
    first = tiny().err.splitlines()
    assert [re.sub(r"in .*", "in", line) for line in first] == [
        f"[{k}/3] tiny / templates / {name}: examples 0..8 done in"
        for k, name in enumerate(("clean", "pgd", "ensemble"), 1)
    ]
    assert tiny().err == ""


def test_a_terminal_has_bars(monkeypatch: pytest.MonkeyPatch, cells: list[PlannedCell]) -> None:
    assert isinstance(progress(1), LineProgress)
    monkeypatch.setattr(type(console.err), "is_terminal", True)
    bars = progress(1)
    assert isinstance(bars, BarProgress)
    bars.start(asked(cells, there=1))
    bars.finished(back(cells[0], 1))
    bars.finished(back(cells[0], 2, outcome="machine"))
    bars.stop()
    found = {task.description: (task.completed, task.total) for task in bars._bars.tasks}
    assert found["all examples"] == (32, 144) and found["tiny / templates / clean"] == (16, 48)


def flying(cell: PlannedCell, k: int, seconds: float, last: Past | None) -> InFlight:
    return InFlight(Unit(cell, cell.blocks[k]), time.monotonic() - seconds, last)


def test_what_is_finished_is_named_with_its_time(cells: list[PlannedCell]) -> None:
    told = finishing([flying(cells[1], 2, 125, Past(8, 31.0)), flying(cells[0], 1, 3, Past(8, 4.0))])
    assert told == [
        "trustdm: finishing the 2 blocks in flight, then stopping:",
        "  tiny / templates / pgd: examples 16..32, running for 2.1 min; the last block of this evaluation took 31 s "
        "for 8 examples, so about 1.0 min for these 16",
        "  tiny / templates / clean: examples 8..16, running for 3.0 s; the last block of this evaluation took 4.0 s",
        "trustdm: Ctrl-C again stops at once; nothing committed is lost, these blocks are run again",
    ]
    assert "no block of this evaluation was finished before" in finishing([flying(cells[0], 0, 3, None)])[1]
    assert finishing([]) == ["trustdm: stopping: no block is being computed"]


def test_examples_are_counted_where_several_positions_are_one(cells: list[PlannedCell]) -> None:
    found = api.prepare(api.Request(suites=("mnist16-certified",), methods=("mnist16-noise-trained",), limit=2)).cells
    chunked = next(c for c in found if c.suite.positions(c.identity.evaluation).per_example > 1)
    each = chunked.suite.positions(chunked.identity.evaluation).per_example
    assert examples(chunked, Block(each, 3 * each)) == "examples 1..3"
    assert examples(chunked, Block(each + 1, 2 * each + 1)) == "examples 1..3"
    assert examples(cells[0], Block(8, 16)) == "examples 8..16"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.04, "0.0 s"), (3.21, "3.2 s"), (42.4, "42 s"), (246, "4.1 min"), (7200, "2.0 h")]
)
def test_durations(seconds: float, text: str) -> None:
    assert took(seconds) == text
