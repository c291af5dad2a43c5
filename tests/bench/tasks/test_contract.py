"""What every task must say, and a task that comes from outside: one package, no change here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from toyboard import SUITE, both, cell, records

from trustdm.bench.capabilities.contract import Capability
from trustdm.bench.errors import SuiteError, UsageError
from trustdm.bench.plugins import installed_tasks, load, load_suite
from trustdm.bench.registry import loaded
from trustdm.bench.suite.load import Suite, shipped
from trustdm.bench.suite.models import Problem, SuiteFile, Table
from trustdm.bench.summary.cell import CellView
from trustdm.bench.summary.rows import rows
from trustdm.bench.tasks.claim import Contradiction
from trustdm.bench.tasks.contract import Flag, Metric, Task, image_faults, never, table_of
from trustdm.bench.tasks.positions import Positions

TASKS = sorted(installed_tasks().values(), key=lambda task: task.name)
each_task = pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)


@each_task
def test_a_task_says_what_it_is(task: Task) -> None:
    assert task.key.isidentifier() and task.key not in SuiteFile.model_fields
    assert issubclass(task.table, Table) and task.title and task.summary and task.unit
    assert isinstance(load().registry.get("capability", task.capability).load(), Capability)
    assert task.loose <= set(task.table.model_fields)


@each_task
def test_every_metric_has_its_function_its_words_and_its_parameters(task: Task) -> None:
    names = [metric.name for metric in task.metrics]
    assert names and len(set(names)) == len(names)
    for metric in task.metrics:
        assert callable(loaded(metric.function)) and not metric.words.endswith(".")
        params = set(metric.params.model_fields) if metric.params else set()
        assert set(re.findall(r"{(\w+)}", metric.words)) <= params
        assert task.metric(metric.name) is metric
    assert task.metric("no-such-metric") is None


@each_task
def test_flags_travel_to_worker_processes(task: Task) -> None:
    for flag in task.flags:
        assert flag.when is never or flag.when.__module__.startswith(f"trustdm.bench.tasks.{task.name}")
        assert flag.when.__qualname__ == flag.when.__name__ and flag.words.endswith(".")


@pytest.mark.parametrize("name", shipped())
def test_what_a_task_says_of_its_suites(name: str) -> None:
    suite = load_suite(name)
    task = suite.task
    lines = task.says(suite)
    assert lines[0] == task.asks(suite)
    assert lines and 0 < len(lines[0]) < 40 and all(line and "\n" not in line for line in lines)
    headline = task.headline(suite)
    assert headline and all(metric in suite.metrics for metric in headline)
    for evaluation in suite.evaluations:
        positions = suite.positions(evaluation)
        assert len(positions.ids) == suite.size.full * positions.per_example


def test_positions_are_counted() -> None:
    positions = Positions.count(3, 2)
    assert positions.ids.tolist() == [0, 1, 2, 3, 4, 5] and positions.per_example == 2
    with pytest.raises(ValueError, match="read-only"):
        positions.ids[0] = 7


def test_a_metric_is_worded_with_its_parameters_and_scores_a_cell() -> None:
    suite = load_suite("mnist16-certified")
    spec = next(m for m in suite.metrics if m.params)
    metric = suite.task.metric(spec.statistic)
    assert metric is not None and spec.params["radius"] in metric.describe(spec)
    view = CellView(SUITE, both(1, "CCCW", "CCW-", "CW--")[1])
    own = SUITE.task.metric("survival")
    assert own is not None and own.score(view, SUITE.metrics[1]).estimate.value == 0.25


class Depth(Table):
    """``depth`` of the thing."""

    depth: int


class Half(Table):
    """A parameter."""

    share: float


def mean_value(view: CellView, spec: object) -> None:
    return None


class Diving(Task):
    """A task from outside."""

    name = "diving"
    key = "diving"
    title = "Diving"
    table = Depth
    capability = "classify"
    metrics = (Metric("depth", f"{__name__}:mean_value", "length", "At share {share}", Half),)

    def faults(self, suite: Suite) -> Iterator[Problem]:
        """No shallow water."""
        if table_of(suite, Depth).depth < 3:
            yield Problem("diving.depth", "at least 3", table_of(suite, Depth).depth)


DIVING = """
name = "pool"
version = 1
title = "A pool"

[diving]
depth = {depth}

[data]
dataset = "digits"
shape = [4]
classes = 1

[size]
full = 2

[evaluations.dive]
protocol = "dive"

[[metrics]]
name = "depth"
evaluation = "dive"
statistic = "depth"
share = 0.5

[ranking]
metric = "depth"
"""


def pool(folder: Path, depth: int = 5) -> Suite:
    path = folder / "pool.toml"
    path.write_text(DIVING.format(depth=depth), encoding="utf-8")
    return load_suite(path, {**installed_tasks(), "diving": Diving()})


def test_a_task_from_outside_needs_no_change_here(tmp_path: Path) -> None:
    suite = pool(tmp_path)
    assert suite.task == Diving() and table_of(suite, Depth).depth == 5 and suite.metrics[0].params == {"share": 0.5}
    assert suite.task.says(suite) == ["diving"] and [m.name for m in suite.task.headline(suite)] == ["depth"]
    assert suite.task.probe_order({}) == () and suite.task.reference_stamp(suite) == ""
    assert Diving.metrics[0].describe(suite.metrics[0]) == "At share 0.5"
    with pytest.raises(SuiteError, match=r"pool\.toml: diving\.depth: expected at least 3, got 2"):
        pool(tmp_path, 2)
    with pytest.raises(SuiteError, match=r"diving: expected .*, got an unknown key"):
        load_suite(tmp_path / "pool.toml")


def test_the_usual_headline_is_the_metric_that_ranks_and_two_more() -> None:
    assert [m.name for m in Task.headline(SUITE.task, SUITE)] == ["robust_accuracy", "apgd_accuracy"]


def test_usually_the_test_list_is_checked_and_the_data_are_needed() -> None:
    suite = load_suite("digits-linf")
    assert Task.data_digest(suite.task, suite, load().registry) == suite.data.digest
    assert list(Task.needs(suite.task, suite, load().registry)) == [
        (True, "suite digits-linf", "data set digits is here")
    ]
    assert list(Task.faults(suite.task, suite)) == [] == list(image_faults(suite))
    np.testing.assert_array_equal(Task.positions(suite.task, suite, "clean").ids, suite.test)


def test_another_table_is_refused() -> None:
    with pytest.raises(UsageError, match=r"digits-linf: expected a suite with a table like Depth, got \[adversary\]"):
        table_of(load_suite("digits-linf"), Depth)


def test_a_flag_that_the_core_raises_has_no_condition() -> None:
    assert not Flag("randomized", "warn", "Words.").when(CellView(SUITE, cell(1, "clean", records([1], clean="C"))))


def test_a_metric_that_cannot_be_told_leaves_the_row(tmp_path: Path) -> None:
    suite = pool(tmp_path)
    found = cell(1, "dive", records([0, 1], dive="CC"), suite)
    assert rows(suite, [found])[0].metrics == {} and mean_value(CellView(suite, found), None) is None


def claimed_wrong(claim: object) -> Iterator[Contradiction]:
    """In the place of what a task from outside sees."""
    yield Contradiction(None, "records", f"{claim} cannot be")


class Careful(Task):
    claims = f"{__name__}:claimed_wrong"


def test_a_task_may_say_what_cannot_be_and_need_not() -> None:
    assert list(Task().contradictions("a claim")) == []  # type: ignore[arg-type]
    (found,) = Careful().contradictions("a claim")  # type: ignore[arg-type]
    assert found == (None, "records", "a claim cannot be")


@each_task
def test_the_data_that_a_suite_pins_are_those_of_its_results(task: Task) -> None:
    for name in shipped():
        suite = load_suite(name)
        if suite.task == task and (pinned := task.pinned_data(suite)) is not None:
            assert pinned == task.data_digest(suite, load().registry)
