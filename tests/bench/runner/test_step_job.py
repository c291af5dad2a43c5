"""A step is given what its card declares, and nothing that is not in the key of its asset; its cost is measured."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from helpers import TEMPLATES, TINY

from trustdm.bench import api
from trustdm.bench.assets.spec import About, AssetSpec, planned
from trustdm.bench.contracts import StepCard, step
from trustdm.bench.plan import PlannedCell
from trustdm.bench.registry import MARK
from trustdm.bench.runner.session import Session
from trustdm.bench.runner.step_job import StepJob
from trustdm.bench.runner.units import Settings, Unit, UnitResult


@step(StepCard(name="method-less"))
def method_less(job: StepJob) -> None:
    job.card.name  # noqa: B018


@step(StepCard(name="suite-less"))
def suite_less(job: StepJob) -> None:
    job.read(job.suite.train)


@step(StepCard(name="data-only", data=True))
def data_only(job: StepJob) -> None:
    job.suite.evaluations  # noqa: B018


@step(StepCard(name="reader", data=True))
def reader(job: StepJob) -> None:
    images, _ = job.read(job.suite.test[:4])
    sum(range(1_000_000))
    (job.files / "mean.txt").write_text(str(images.mean()))


@pytest.fixture
def cell() -> PlannedCell:
    return api.prepare(api.Request(suites=(TINY,), methods=("templates",), plugins=(TEMPLATES,))).cells[0]


def executed(cell: PlannedCell, make: object, folder: Path) -> UnitResult:
    """The first block of the cell, with an asset made by ``make``."""
    session = Session(Settings(plugins=(TEMPLATES,), assets=folder / "assets"))
    entry = getattr(make, MARK)[0]
    session.registry.add(entry)
    about = About(cell.suite, cell.card, (), (), "code", 0)
    asset = planned(AssetSpec(entry.name), about, session.registry)
    return session.execute(Unit(replace(cell, assets={"it": asset}), cell.blocks[0]))


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (method_less, "expected a step that uses no method, as its card declares no capability, got one that asks for"),
        (suite_less, "uses no suite, as its card does not declare data, got one that asks for 'train'"),
        (data_only, "expected a step that uses only the data of the suite, got one that asks for 'evaluations'"),
    ],
)
def test_what_the_card_does_not_declare_is_refused(cell: PlannedCell, tmp_path: Path, make: object, line: str) -> None:
    result = executed(cell, make, tmp_path)
    assert result.outcome == "setup" and line in result.error


def test_declared_data_are_read_and_the_cost_is_that_of_the_process(cell: PlannedCell, tmp_path: Path) -> None:
    result = executed(cell, reader, tmp_path)
    assert result.outcome == "done", result.error
    cost = result.assets["it"].cost
    assert cost.wall > 0 and cost.device > 0 and cost.device != cost.wall and cost.memory == 0
