"""The fixture that measures the tiny suite."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers import TEMPLATES, TINY, Measure

from trustdm.bench import api
from trustdm.bench.runner.run import Report
from trustdm.bench.store.store import Store


@pytest.fixture
def measure(tmp_path: Path) -> Measure:
    """Runs the tiny suite into ``db`` (a name) and returns the report."""

    def run(db: str = "a.db", methods: tuple[str, ...] = ("templates",), **how: Any) -> Report:
        plugins = how.pop("plugins", (TEMPLATES,))
        request = api.Request(suites=(how.pop("suite", TINY),), methods=methods, plugins=plugins, **how)
        with Store.open(str(tmp_path / db)) as store:
            return api.execute(request, api.prepare(request), store)

    return run
