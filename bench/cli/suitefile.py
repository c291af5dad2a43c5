"""A suite file for data of one's own: put together from what its task begins with, checked, and written."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trustdm.bench.cli.data import table_of, value_of
from trustdm.bench.errors import UsageError
from trustdm.bench.plan import protocols
from trustdm.bench.plugins import Catalogue
from trustdm.bench.registry import Registry
from trustdm.bench.suite.dividing import Lists, divide
from trustdm.bench.suite.facts import DataFacts
from trustdm.bench.suite.fields import ranges
from trustdm.bench.suite.load import DEEPEST, Suite, parse_stored
from trustdm.bench.suite.written import in_lines, toml
from trustdm.bench.tasks.contract import NewData, Start, Task

INLINE = 2000
"""Characters up to which the lists of indices stand in the suite file; longer ones have a file of their own."""
TEST, VALIDATION = 0.3, 0.1
"""Shares of the examples, where no numbers are asked for."""
FEWEST = 3


@dataclass(frozen=True)
class Sizes:
    """How many examples are measured, and how many are for choosing; None: the usual share."""

    test: int | None = None
    validation: int | None = None


def divided(facts: DataFacts, sizes: Sizes) -> Lists:
    """The indices of each split, drawn from the digest of the data.

    Raises:
        UsageError: there are not enough examples.
    """
    n = len(facts)
    if n < FEWEST:
        raise UsageError(f"new suite: expected at least {FEWEST} examples, one for each split, got {n}")
    test = sizes.test or max(1, round(TEST * n))
    validation = sizes.validation or max(1, round(VALIDATION * n))
    if test + validation >= n:
        raise UsageError(
            f"new suite: expected --test and --validation to leave some of the {n} examples for training, got {test} "
            f"and {validation}"
        )
    return divide(facts.labels, test, validation, str(facts.table.digest))


def begun(name: str, task: Task, facts: DataFacts, sizes: Sizes, registry: Registry) -> tuple[dict[str, Any], Start]:
    """The tables of the suite ``name``, in the order of the file, and what the task says about them.

    Raises:
        UsageError: the task asks nothing of such data, or there are too few.
    """
    lists, table = divided(facts, sizes), facts.table
    about = NewData(name, table.shape, table.classes, len(lists["train"]), len(lists["test"]))
    start = task.start(about, registry)
    if start is None:
        raise UsageError(f"--task {task.name}: expected one that asks something of such data, got one that does not")
    head = {"name": name, "version": 1, "title": f"{name}: {task.title.lower()}"}
    alone = {key: value for key, value in start.tables.items() if not isinstance(value, Mapping | list)}
    own = {key: start.tables[key] for key in (task.key,) if key in start.tables}
    splits = {split: ranges(ids) for split, ids in lists.items()}
    return {**head, **alone, **own, "data": table_of(facts) | {"splits": splits}, **start.tables}, start


def changed(tables: Mapping[str, Any], changes: Sequence[str]) -> dict[str, Any]:
    """``tables`` with every "a.b=value" of ``changes`` in its place.

    Raises:
        UsageError: one that has another form, or that goes into something that is no table.
    """
    out: dict[str, Any] = json.loads(json.dumps(tables))
    for change in changes:
        key, equals, value = change.partition("=")
        *path, last = key.strip().split(".")
        if len(path) > DEEPEST:
            raise UsageError(f"--set: expected a key of at most {DEEPEST} parts, got one of {len(path) + 1}")
        place: Any = out
        for part in path:
            place = place.setdefault(part, {}) if isinstance(place, dict) else None
        if not equals or not last or not isinstance(place, dict):
            raise UsageError(f"--set: expected KEY=VALUE with a key of the suite file, as size.demo=16, got {change!r}")
        place[last] = value_of(value.strip())
    return out


def checked(tables: Mapping[str, Any], target: Path, catalogue: Catalogue) -> Suite:
    """The suite that the file ``target`` will be, checked as far as it can be before anything runs.

    Raises:
        SuiteError: it would be wrong.
    """
    made = parse_stored(json.dumps(tables), str(target), catalogue.tasks)
    protocols(made, catalogue.registry)
    return made


def files_of(target: Path) -> tuple[Path, Path]:
    """The suite file, and the file beside it that has the lists where they are long."""
    return target, target.with_suffix(".splits.json")


def write(tables: Mapping[str, Any], target: Path) -> list[Path]:
    """Writes the suite file, and one for long lists; returns what was written.

    Raises:
        UsageError: a file is there, or cannot be written.
    """
    splits: Mapping[str, str] = tables["data"]["splits"]
    texts: dict[Path, str] = {}
    shown: dict[str, Any] = {split: _in_lines(text) for split, text in splits.items()}
    if sum(len(text) for text in splits.values()) > INLINE:
        beside = files_of(target)[1]
        texts[beside] = json.dumps(splits, indent=0) + "\n"
        shown = {"file": beside.name, "sha256": hashlib.sha256(texts[beside].encode()).hexdigest()}
    texts[target] = toml({**tables, "data": {**tables["data"], "splits": shown}})
    for file, text in texts.items():
        try:
            with file.open("x", encoding="utf-8", newline="\n") as opened:
                opened.write(text)
        except OSError as error:
            raise UsageError(f"{file}: cannot be written: {error.strerror or error}") from error
    return list(reversed(texts))


def _in_lines(text: str) -> str | list[str]:
    lines = in_lines(text)
    return text if len(lines) == 1 else lines
