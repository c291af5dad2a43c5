"""Every shipped suite runs once, through the whole runner, on synthetic data of its shape."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from trustdm.bench import api
from trustdm.bench.contracts import DatasetCard
from trustdm.bench.plugins import Catalogue, load
from trustdm.bench.registry import Entry, Registry
from trustdm.bench.store.store import Store
from trustdm.bench.suite import Suite, load_suite, shipped
from trustdm.bench.summary import rows


class Synthetic:
    """Smooth random images of a suite's shape; claims to be the suite's data."""

    def __init__(self, suite: Suite):
        self._suite = suite

    def __len__(self) -> int:
        return int(max(split.max() for split in (self._suite.train, self._suite.validation, self._suite.test))) + 1

    def digest(self) -> str:
        return self._suite.data.digest

    def read(self, index: Any) -> tuple[Any, Any]:
        images = np.stack([np.random.default_rng(int(i)).random(self._suite.data.shape) for i in index])
        return images.astype(np.float32), np.asarray(index, dtype=np.int64) % self._suite.data.classes


def catalogue(suite: Suite) -> Catalogue:
    """The built-in plugins with the suite's data set replaced, and a small linear method that fits."""
    made = Catalogue(Registry())
    for kind in ("attack", "protocol"):
        for entry in load().registry.entries(kind):
            made.registry.add(entry)

    class Replaced(Entry):
        def load(self) -> Any:
            return lambda: Synthetic(suite)

    card = DatasetCard(name=suite.data.dataset, shape=suite.data.shape, classes=suite.data.classes)
    made.registry.add(Replaced("dataset", card, "tests:synthetic"))
    return made


@pytest.mark.parametrize("name", shipped())
def test_a_suite_runs_on_data_of_its_shape(name: str, tmp_path: Path) -> None:
    suite = load_suite(name)
    size = int(np.prod(suite.data.shape))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(size, suite.data.classes))
    made = catalogue(suite)
    spec = api.register_live(api.wrap(network, name="linear"), suite, made, "")
    request = api.Request(suites=(name,), limit=8)
    with Store.open(str(tmp_path / "a.db")) as store:
        report = api.execute(request, api.prepare(request, [spec], made), store)
        (row,) = rows(suite, store.results(name))
    assert report.exit_code == 0 and report.lines == []
    assert set(row.metrics) == {m.name for m in suite.metrics} and row.n == 8
