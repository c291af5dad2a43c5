"""What travels between the runner and whoever computes."""

from __future__ import annotations

import numpy as np
from helpers import TEMPLATES, TINY

from trustdm.bench import api
from trustdm.bench.runner.units import Unit, UnitResult
from trustdm.bench.types import Cost


def test_units_of_a_plan_travel_between_processes() -> None:
    import pickle

    request = api.Request(suites=(TINY,), methods=("templates",), plugins=(TEMPLATES,))
    cell = api.prepare(request).cells[0]
    unit = pickle.loads(pickle.dumps(Unit(cell, cell.blocks[0])))  # noqa: S301 - our own bytes
    assert unit.cell.identity.key == cell.identity.key and np.array_equal(unit.cell.suite.test, cell.suite.test)


def test_a_unit_is_tried_first_once_and_a_result_says_nothing_that_was_not_said() -> None:
    request = api.Request(suites=(TINY,), methods=("templates",), plugins=(TEMPLATES,))
    cell = api.prepare(request).cells[0]
    unit = Unit(cell, cell.blocks[0])
    result = UnitResult(unit, "setup", error="no data")
    assert unit.attempt == 1 and (result.result, result.state, result.device, dict(result.assets)) == (None, "", "", {})
    assert result.cost == Cost()
