"""A suite file put together: what a task begins with, changes, lists that fit the file or lie beside it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from trustdm.bench.cli import suitefile
from trustdm.bench.cli.suitefile import Sizes, begun, changed, checked, divided, write
from trustdm.bench.errors import UsageError
from trustdm.bench.plugins import Catalogue, load, load_suite
from trustdm.bench.registry import Registry
from trustdm.bench.suite.facts import DataFacts
from trustdm.bench.suite.models import Data
from trustdm.bench.tasks.contract import NewData, Start, Task


def facts(n: int) -> DataFacts:
    table = Data(dataset="digits", digest="0" * 64, shape=(1, 8, 8), classes=10)
    return DataFacts(table, np.arange(n) % 10)


def made(n: int, catalogue: Catalogue) -> dict[str, object]:
    task = catalogue.tasks["adversary"]
    return begun("own", task, facts(n), Sizes(), catalogue.registry)[0]


@pytest.mark.parametrize(("n", "files"), [(100, ["own.toml"]), (2000, ["own.toml", "own.splits.json"])])
def test_what_is_written_is_what_was_checked(n: int, files: list[str], tmp_path: Path) -> None:
    catalogue = load()
    tables = made(n, catalogue)
    suite = checked(tables, tmp_path / "own.toml", catalogue)
    assert [path.name for path in write(tables, tmp_path / "own.toml")] == files
    assert load_suite(tmp_path / "own.toml").content == suite.content


def test_long_lists_are_recognised_by_their_hash(tmp_path: Path) -> None:
    write(made(2000, load()), tmp_path / "own.toml")
    lists = json.loads((tmp_path / "own.splits.json").read_text())
    assert set(lists) == {"train", "validation", "test"} and sum(map(len, lists.values())) > suitefile.INLINE


def test_changes_leave_the_proposal_as_it_was() -> None:
    tables = {"size": {"demo": 1}, "title": "x"}
    assert changed(tables, ["size.demo=2", "title=1/10", "new.one=true"]) == {
        "size": {"demo": 2},
        "title": "1/10",
        "new": {"one": True},
    }
    assert tables == {"size": {"demo": 1}, "title": "x"}


def test_too_few_examples_are_refused() -> None:
    assert {k: len(v) for k, v in divided(facts(3), Sizes()).items()} == {"train": 1, "validation": 1, "test": 1}
    with pytest.raises(UsageError, match="at least 3 examples"):
        divided(facts(2), Sizes())


class Picky(Task):
    name = "picky"
    key = "picky"
    title = "Picky"

    def start(self, data: NewData, registry: Registry) -> Start | None:
        return None


def test_a_task_may_ask_nothing_of_such_data() -> None:
    with pytest.raises(UsageError, match="--task picky: expected one that asks something of such data"):
        begun("own", Picky(), facts(100), Sizes(), load().registry)
