"""A suite file becomes a frozen ``Suite``: who the adversary is, which examples, which evaluations, what is shown."""

from __future__ import annotations

import hashlib
import json
import os
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, cached_property
from importlib import resources
from itertools import chain, combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import PrivateAttr, ValidationError, create_model

from trustdm.bench.errors import SuiteError, UnknownName
from trustdm.bench.hashing import canonical_json, sha256_of
from trustdm.bench.plainfiles import read_plain
from trustdm.bench.suite.models import MetricSpec, Problem, SuiteFile, Table, expected_keys, problems

if TYPE_CHECKING:  # names of types only: the contract is above suites, and nothing is imported upwards at run time
    from trustdm.bench.tasks.contract import Task
    from trustdm.bench.tasks.positions import Positions

Tasks = Mapping[str, "Task"]
Ids = NDArray[np.int64]
DEEPEST = 32
LONGEST = 300
"""Characters of a path in a message."""
ENDLESS = re.compile(r"\s*[+-]?[\d_.]*\d[eE][+-]?[\d_]{4,}\s*$|\s*[+-]?[\d_.]{400,}")
"""Numbers as text whose exact value would fill the memory."""
PLAIN = "whole numbers of at most 64 bits and texts without NUL"
SPLITS = ("train", "validation", "test")

# What a change of leaves every stored record valid and comparable: prose, which methods are run by default, how records
# are summed up and ranked, how many of them a preview takes, further seeds (a seed is in the key of its own cell), and
# where a file lies (its content is in data.digest).
NOT_IDENTITY: dict[str, Any] = {
    "title": True,
    "methods": True,
    "description": True,
    "seeds": True,
    "failures": True,
    "metrics": True,
    "ranking": True,
    "data": {"options"},
    "size": {"demo"},
}


class Suite(SuiteFile):
    """A suite file that was read and checked; the fields are the keys of the file, ``table`` is that of its task."""

    _source: Path = PrivateAttr()
    _task: Task = PrivateAttr()
    _table: Table = PrivateAttr()
    _positions: dict[str, Positions] = PrivateAttr(default_factory=dict)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Suite) and self.content == other.content

    def __hash__(self) -> int:
        return hash(self.content)

    @property
    def source(self) -> Path:
        """The file, or whatever else the suite was read from; for messages."""
        return self._source

    @property
    def name_or_file(self) -> str:
        """What a command calls it by: the name of a shipped suite, else its file, else its name."""
        own = self._source.suffix == ".toml" and self._source.parent != _folder() and self._source.is_file()
        return str(self._source) if own else self.name

    @property
    def root(self) -> Path:
        """The folder that relative paths in the file start from."""
        return self._source.resolve().parent

    @property
    def task(self) -> Task:
        """What the suite asks of a method."""
        return self._task

    @property
    def table(self) -> Table:
        """The task's table of the file, an instance of ``task.table``."""
        return self._table

    @property
    def ranking_metric(self) -> MetricSpec:
        """The metric that rows are ordered by."""
        return next(metric for metric in self.metrics if metric.name == self.ranking.metric)

    @property
    def block_rule(self) -> str:
        """How the test list is cut (``types.blocks_of``), in one word such as "ramp-8-64"."""
        return f"ramp-{self.size.first_block}-{self.size.block}"

    @cached_property
    def train(self) -> Ids:
        return _frozen(self.data.splits.train if self.data.splits else ())

    @cached_property
    def validation(self) -> Ids:
        return _frozen(self.data.splits.validation if self.data.splits else ())

    @cached_property
    def test(self) -> Ids:
        return _frozen(self.data.splits.test if self.data.splits else ())

    def positions(self, evaluation: str) -> Positions:
        """What an evaluation runs, in this order, and how many positions one example has."""
        if evaluation not in self._positions:
            self._positions[evaluation] = self.task.positions(self, evaluation)
        return self._positions[evaluation]

    @cached_property
    def content(self) -> str:
        """Canonical JSON of everything the file says, split files included; ``stored_suite`` reads it back."""
        return canonical_json(self._dumped())

    @cached_property
    def content_digest(self) -> str:
        """Hex SHA-256 of ``content``: a shipped suite may change it only together with its version."""
        return hashlib.sha256(self.content.encode()).hexdigest()

    @cached_property
    def digest(self) -> str:
        """Hex SHA-256 of what may move a number (all but ``NOT_IDENTITY`` and what the task calls loose): part of the
        key of every cell."""
        return sha256_of(self._dumped(NOT_IDENTITY, self.task.loose))

    def _dumped(self, without: Any = None, loose: frozenset[str] = frozenset()) -> dict[str, Any]:
        own = self.model_dump(mode="json", exclude=without, exclude_none=True)
        return own | {self.task.key: self.table.model_dump(mode="json", exclude=set(loose), exclude_none=True)}


def shipped() -> list[str]:
    """The names of the suites that come with the package."""
    return sorted(path.stem for path in _folder().glob("*.toml"))


def read_suite(name_or_path: str | Path, tasks: Tasks) -> Suite:
    """The suite of that name, or in that file (any text that ends in ".toml" or has a separator is a path).

    ``tasks`` by the key of their table; ``plugins.Catalogue.suite`` knows those that are installed.

    Raises:
        UnknownName: no shipped suite has that name.
        SuiteError: the file cannot be read or is wrong; the message has the path, the key, expected and got.
    """
    text = str(name_or_path)
    if isinstance(name_or_path, Path) or text.endswith(".toml") or "/" in text or os.sep in text:
        path = Path(name_or_path)
    elif text in shipped():
        path = _folder() / f"{text}.toml"
    else:
        raise UnknownName("suite", text, shipped())
    raw = _parsed(path)
    return _checked(_with_splits(raw, path), path, tasks)


def parse_stored(content: str, origin: str, tasks: Tasks) -> Suite:
    """The suite whose ``content`` this is; ``origin`` says in messages where it was kept.

    Raises:
        SuiteError: it is not the content of a suite.
    """
    try:
        raw = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise SuiteError(origin, "the stored text", "JSON", error) from error
    _refuse_strange(raw, origin, "the stored text")
    known = {*SuiteFile.model_fields, *tasks}
    strange = [k for k, v in raw.items() if isinstance(v, dict) and k not in known] if isinstance(raw, dict) else []
    if strange and not any(raw.get(key) for key in tasks):
        got = f"the table [{strange[0]}], which none has; install the package of that task"
        raise SuiteError(origin, "the task", f"a table of an installed task, one of {', '.join(tasks)}", got)
    return _checked(raw, Path(origin), tasks)


def _deeper(value: object, most: int) -> bool:
    """Whether tables and lists lie more than ``most`` deep in each other."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return most < 0 or any(_deeper(part, most - 1) for part in inner if isinstance(part, dict | list))


def _folder() -> Path:
    return Path(str(resources.files("trustdm.suites")))


def _frozen(ids: Sequence[int]) -> Ids:
    out = np.array(ids, dtype=np.int64)
    out.flags.writeable = False
    return out


def _parsed(path: Path) -> dict[str, Any]:
    try:
        raw = tomllib.loads(read_plain(path).decode("utf-8"))
    except OSError as error:
        raise SuiteError(path, "the file", "a suite file that can be read", error.strerror or error) from error
    except UnicodeDecodeError as error:
        raise SuiteError(path, "the file", "text in UTF-8", error.reason) from error
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line \d+", str(error))
        raise SuiteError(path, line[0] if line else "the end of the file", "TOML", f"an error: {error}") from error
    except (ValueError, RecursionError) as error:
        raise SuiteError(path, "the file", f"tables and lists at most {DEEPEST} deep, and {PLAIN}", error) from error
    _refuse_strange(raw, path, "the file")
    return raw


def _refuse_strange(raw: object, path: object, where: str) -> None:
    """Raises SuiteError where tables lie too deep in each other, or a value is such as no store can keep."""
    if _deeper(raw, DEEPEST):
        raise SuiteError(path, where, f"tables and lists at most {DEEPEST} deep", "deeper ones")
    if strange := next(_strange(raw), ""):
        raise SuiteError(path, where, PLAIN, strange)


def _strange(value: object) -> Iterator[str]:
    """What of a value cannot be stored: numbers of more than 64 bits, texts with NUL or halves of characters."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _strange(key)
            yield from _strange(part)
    elif isinstance(value, list):
        for part in value:
            yield from _strange(part)
    elif isinstance(value, int) and not -(2**63) <= value < 2**63:
        yield f"one of {value.bit_length()} bits"
    elif isinstance(value, str) and ENDLESS.match(value):
        yield f"the number {value[:20]}..."
    elif isinstance(value, str) and any(c == "\0" or "\ud800" <= c <= "\udfff" for c in value):
        yield repr(value[:60])


def _with_splits(raw: dict[str, Any], path: Path) -> dict[str, Any]:
    """``raw`` with the lists of a split file in the place of its name."""
    data = raw.get("data")
    splits = data.get("splits") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(splits, dict) or not {"file", "sha256"} & set(splits):
        return raw
    key = "data.splits"
    if set(splits) != {"file", "sha256"} or not all(isinstance(v, str) for v in splits.values()):
        raise SuiteError(path, key, "file and sha256, or train, validation and test", ", ".join(sorted(splits)))
    place = path.parent / splits["file"]
    try:
        text = read_plain(place)
    except OSError as error:
        raise SuiteError(path, f"{key}.file", f"a file {str(place)[:LONGEST]}", error.strerror or error) from error
    if (got := hashlib.sha256(text).hexdigest()) != splits["sha256"]:
        raise SuiteError(path, f"{key}.sha256", f"{splits['sha256']} of {place.name}", got)
    try:
        lists = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SuiteError(path, f"{key}.file", f"JSON in {place.name}", error) from error
    _refuse_strange(lists, path, f"{key}.file")
    return {**raw, "data": {**data, "splits": lists}}


def _checked(raw: Any, path: Path, tasks: Tasks) -> Suite:
    file = _file_model(tuple(tasks.values()))
    try:
        whole = file.model_validate(raw)
    except ValidationError as error:
        raise _refused(path, problems(error, file)) from error
    there = [key for key in tasks if getattr(whole, key) is not None]
    if len(there) != 1:
        expected = f"one of the tables {', '.join(tasks)}"
        raise SuiteError(path, next(iter(tasks), "the file"), expected, " and ".join(there) or "none")
    suite = Suite.model_construct(**{name: getattr(whole, name) for name in SuiteFile.model_fields})
    suite._source, suite._task, suite._table = path, tasks[there[0]], getattr(whole, there[0])
    suite = _with_metric_params(suite)
    for fault in chain(_name_faults(suite), suite.task.faults(suite), _size_faults(suite), _split_faults(suite)):
        raise SuiteError(path, *fault)
    return suite


def _refused(path: Path, found: Sequence[Problem], where: str = "") -> SuiteError:
    (key, expected, got), *rest = found
    more = "".join(f"; {where}{k}: expected {e}, got {g}" for k, e, g in rest)
    return SuiteError(path, f"{where}{key}", expected, f"{got}{more}")


@cache
def _file_model(tasks: tuple[Task, ...]) -> type[SuiteFile]:
    """The model of a suite file in which each task may have its table."""
    tables: dict[str, Any] = {task.key: (task.table | None, None) for task in tasks}
    return create_model("File", __base__=SuiteFile, **tables)


def _with_metric_params(suite: Suite) -> Suite:
    """The suite with the parameters of its metrics checked, and brought to their one form, by the task's models.

    Raises:
        SuiteError: a statistic that the task does not have, or a parameter that is wrong or missing.
    """
    for k, spec in enumerate(suite.metrics):
        metric = suite.task.metric(spec.statistic)
        if metric is None:
            known = ", ".join(m.name for m in suite.task.metrics)
            raise SuiteError(
                suite.source, f"metrics.{k}.statistic", f"one of {known} beside {suite.task.key}", spec.statistic
            )
        model = metric.params or Table
        keys = {*MetricSpec.model_fields, *model.model_fields} - {"params"}
        for key in sorted(spec.params.keys() - keys):
            raise SuiteError(suite.source, f"metrics.{k}.{key}", expected_keys(key, keys), "an unknown key")
        try:
            params = model.model_validate(spec.params).model_dump(mode="json", exclude_none=True)
        except ValidationError as error:
            raise _refused(suite.source, problems(error, model), f"metrics.{k}.") from error
        spec.params.clear()
        spec.params.update(params)
    return suite


def _size_faults(suite: Suite) -> Iterator[Problem]:
    size = suite.size
    if size.demo > size.full:
        yield Problem("size.demo", f"at most {size.full}, the full size", size.demo)
    if size.first_block > size.block:
        yield Problem("size.first_block", f"at most {size.block}, as size.block", size.first_block)
    if len(set(suite.seeds)) != len(suite.seeds):
        yield Problem("seeds", "each seed once", list(suite.seeds))


def _name_faults(suite: Suite) -> Iterator[Problem]:
    names = [m.name for m in suite.metrics]
    for k, metric in enumerate(suite.metrics):
        if metric.evaluation not in suite.evaluations:
            yield Problem(f"metrics.{k}.evaluation", f"one of {', '.join(suite.evaluations)}", repr(metric.evaluation))
        if metric.name in names[:k]:
            yield Problem(f"metrics.{k}.name", "each name once", repr(metric.name))
    if suite.ranking.metric not in names:
        yield Problem("ranking.metric", f"one of {', '.join(names)}", repr(suite.ranking.metric))


def _split_faults(suite: Suite) -> Iterator[Problem]:
    for a, b in combinations(SPLITS, 2):
        common = np.intersect1d(getattr(suite, a), getattr(suite, b))
        if len(common):
            yield Problem(f"data.splits.{b}", f"no index that {a} has", f"{common[0]} in both")
