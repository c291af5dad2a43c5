"""A suite file becomes a frozen ``Suite``: who the adversary is, which examples, which evaluations, what is shown."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import re
import tomllib
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cached_property
from importlib import resources
from itertools import combinations
from math import prod
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import PrivateAttr, ValidationError

from trustdm.bench.contracts import Capability, Dataset, DatasetCard
from trustdm.bench.errors import DataError, SuiteError, UnknownName
from trustdm.bench.hashing import canonical_json, sha256_of
from trustdm.bench.registry import Registry
from trustdm.bench.runner.job import Setting
from trustdm.bench.suite.models import Certified, Classified, Generated, Problem, SuiteFile, problems
from trustdm.bench.types import Budget

Ids = NDArray[np.int64]
DATA = "TRUSTDM_DATA"
CHUNKED = "certified"
"""The protocol whose draws are spread over several positions for each example."""
SPLITS = ("train", "validation", "test")

# What a change of leaves every stored record valid and comparable: prose, how records are summed up and ranked, how
# many of them a preview takes, further seeds (a seed is in the key of its own cell), and where a file lies (its content
# is in data.digest).
NOT_IDENTITY: dict[str, Any] = {
    "title": True,
    "description": True,
    "seeds": True,
    "failures": True,
    "metrics": True,
    "ranking": True,
    "adversary": {"knows", "wins"},
    "generation": {"reference"},
    "certification": {"alpha"},
    "data": {"options"},
    "size": {"demo"},
}


class Suite(SuiteFile):
    """A suite file that was read and checked; the fields are the keys of the file."""

    _source: Path = PrivateAttr()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Suite) and self.content == other.content

    def __hash__(self) -> int:
        return hash(self.content)

    @property
    def source(self) -> Path:
        """The file, or whatever else the suite was read from; for messages."""
        return self._source

    @property
    def root(self) -> Path:
        """The folder that relative paths in the file start from."""
        return self._source.resolve().parent

    @property
    def budget(self) -> Budget | None:
        """What the adversary may add; None where the suite has none."""
        return Budget(self.adversary.norm, Fraction(self.adversary.eps)) if self.adversary else None

    @property
    def capability(self) -> Capability:
        """What a method must be able to do."""
        return "sample" if self.generation else "classify_noisy" if self.certification else "classify"

    @property
    def setting(self) -> Setting:
        """What an evaluation needs to know of the suite."""
        return Setting(self.data.shape, self.data.classes, self.budget, self.generation, self.certification)

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

    def chunks(self, evaluation: str) -> int:
        """How many positions of an evaluation belong to one example: 1, or the chunks of draws of a certified one."""
        spec = self.evaluations.get(evaluation)
        if self.certification is None or spec is None or spec.protocol != CHUNKED:
            return 1
        return 1 + -(-self.certification.estimation // self.certification.chunk)

    def positions(self, evaluation: str) -> Ids:
        """What is run, in this order: the test list; the positions 0, 1, ... of the seeds; or those of the chunks of
        draws, example after example (position // chunks is the place of the example in the test list)."""
        if self.generation is None and self.certification is None:
            return self.test
        return _frozen(range(self.size.full * self.chunks(evaluation)))

    def reference_file(self) -> Path:
        """The file of the suite's reference: beside the suite file, or in ``$TRUSTDM_DATA``.

        Raises:
            DataError: it is in neither.
        """
        name = self.generation.reference if self.generation else ""
        places = [self.root / name] + ([Path(os.environ[DATA]) / name] if os.environ.get(DATA) else [])
        for place in places:
            if name and place.is_file():
                return place
        looked = ", ".join(str(place) for place in places)
        raise DataError(
            f"{self.name}: expected the reference {name!r}, got no such file; looked at {looked}; make it with "
            f"`trustdm reference {self.name}`"
        )

    @cached_property
    def content(self) -> str:
        """Canonical JSON of everything the file says, split files included; ``stored_suite`` reads it back."""
        return canonical_json(self.model_dump(mode="json", exclude_none=True))

    @cached_property
    def content_digest(self) -> str:
        """Hex SHA-256 of ``content``: a shipped suite may change it only together with its version."""
        return hashlib.sha256(self.content.encode()).hexdigest()

    @cached_property
    def digest(self) -> str:
        """Hex SHA-256 of what may move a number (all but ``NOT_IDENTITY``): part of the key of every cell."""
        return sha256_of(self.model_dump(mode="json", exclude=NOT_IDENTITY, exclude_none=True))


def shipped() -> list[str]:
    """The names of the suites that come with the package."""
    return sorted(path.stem for path in _folder().glob("*.toml"))


def load_suite(name_or_path: str | Path) -> Suite:
    """The suite of that name, or in that file (any text that ends in ".toml" or has a separator is a path).

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
    return _checked(_with_splits(raw, path), path)


def stored_suite(content: str, origin: str) -> Suite:
    """The suite whose ``content`` this is; ``origin`` says in messages where it was kept.

    Raises:
        SuiteError: it is not the content of a suite.
    """
    try:
        raw = json.loads(content)
    except ValueError as error:
        raise SuiteError(origin, "the stored text", "JSON", error) from error
    return _checked(raw, Path(origin))


def open_data(suite: Suite, registry: Registry) -> Dataset:
    """The data set of ``suite``, checked against what the suite says about it.

    The plugin is called with ``data.options``; where its function takes ``root`` (the folder of the suite file),
    ``shape`` or ``classes``, these are passed as well.

    Raises:
        SuiteError: no such data set, an option it does not take, another shape, an index past its end.
        DataError: the data are missing, or are not the ones the suite was made with.
    """
    try:
        entry = registry.get("dataset", suite.data.dataset)
    except UnknownName as error:
        raise SuiteError(suite.source, "data.dataset", "the name of a data set", f"an {error}") from error
    card = cast(DatasetCard, entry.card)
    ours = (suite.data.shape, suite.data.classes)
    if any(card.shape) and (card.shape, card.classes) != ours:
        expected = f"{list(card.shape)} and {card.classes} classes, as {card.name} has"
        raise SuiteError(suite.source, "data.shape", expected, f"{list(ours[0])} and {ours[1]} classes")
    factory = entry.load()
    data: Dataset = factory(**_arguments(suite, factory))
    _check_data(suite, data)
    return data


def _folder() -> Path:
    return Path(str(resources.files("trustdm.suites")))


def _frozen(ids: Sequence[int]) -> Ids:
    out = np.array(ids, dtype=np.int64)
    out.flags.writeable = False
    return out


def _parsed(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SuiteError(path, "the file", "a suite file that can be read", error.strerror or error) from error
    except UnicodeDecodeError as error:
        raise SuiteError(path, "the file", "text in UTF-8", error.reason) from error
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line \d+", str(error))
        raise SuiteError(path, line[0] if line else "the end of the file", "TOML", f"an error: {error}") from error


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
        text = place.read_bytes()
    except OSError as error:
        raise SuiteError(path, f"{key}.file", f"a file {place}", error.strerror or error) from error
    if (got := hashlib.sha256(text).hexdigest()) != splits["sha256"]:
        raise SuiteError(path, f"{key}.sha256", f"{splits['sha256']} of {place.name}", got)
    try:
        lists = json.loads(text)
    except ValueError as error:
        raise SuiteError(path, f"{key}.file", f"JSON in {place.name}", error) from error
    return {**raw, "data": {**data, "splits": lists}}


def _checked(raw: Any, path: Path) -> Suite:
    try:
        suite = Suite.model_validate(raw)
    except ValidationError as error:
        (key, expected, got), *rest = problems(error)
        more = "".join(f"; {k}: expected {e}, got {g}" for k, e, g in rest)
        raise SuiteError(path, key, expected, f"{got}{more}") from error
    suite._source = path
    for check in (_task_fault, _budget_fault, _size_fault, _name_fault, _split_fault):
        if (fault := check(suite)) is not None:
            raise SuiteError(path, *fault)
    return suite


STATISTICS: dict[str, tuple[str, ...]] = {
    "adversary": get_args(Classified),
    "generation": get_args(Generated),
    "certification": get_args(Certified),
}


def _task_fault(suite: Suite) -> Problem | None:
    """A suite attacks classifiers or measures generators; each kind has its own statistics and needs of data."""
    there = [task for task in STATISTICS if getattr(suite, task)]
    if len(there) != 1:
        return Problem("adversary", f"one of the tables {', '.join(STATISTICS)}", f"{' and '.join(there) or 'none'}")
    known = STATISTICS[there[0]]
    for k, metric in enumerate(suite.metrics):
        if metric.statistic not in known:
            return Problem(f"metrics.{k}.statistic", f"one of {', '.join(known)} beside {there[0]}", metric.statistic)
        if (metric.radius is None) == (metric.statistic == "certified"):
            return Problem(f"metrics.{k}.radius", "a radius for certified, and for nothing else", repr(metric.radius))
    return _data_fault(suite)


def _data_fault(suite: Suite) -> Problem | None:
    """What is attacked must be pinned and divided; what is certified must be listed; generators need neither."""
    needed = {"digest": suite.adversary, "splits": not suite.generation}
    missing = [f"data.{key}" for key, need in needed.items() if need and getattr(suite.data, key) is None]
    if suite.adversary and suite.data.splits:
        missing += [f"data.splits.{s}" for s in ("train", "validation") if not getattr(suite.data.splits, s)]
    if missing:
        return Problem(missing[0], "a value", "nothing")
    if not suite.generation and suite.data.classes < 2:
        return Problem("data.classes", "greater than or equal to 2", suite.data.classes)
    return None


def _budget_fault(suite: Suite) -> Problem | None:
    """The budget must lie inside the box [0, 1]: at most 1 in linf, at most the diagonal in l2."""
    if suite.adversary is None or suite.budget is None:
        return None
    eps = suite.budget.eps
    if suite.adversary.norm == "linf" and eps > 1:
        return Problem("adversary.eps", "at most 1, the range of a pixel", suite.adversary.eps)
    if suite.adversary.norm == "l2" and eps * eps > prod(suite.data.shape):
        return Problem("adversary.eps", f"at most the square root of {prod(suite.data.shape)}", suite.adversary.eps)
    return None


def _size_fault(suite: Suite) -> Problem | None:
    size = suite.size
    if suite.generation and size.full % suite.generation.set:
        return Problem("size.full", f"a multiple of generation.set, {suite.generation.set}", size.full)
    if not suite.generation and size.full != len(suite.test):
        return Problem("size.full", f"{len(suite.test)}, the length of data.splits.test", size.full)
    if size.demo > size.full:
        return Problem("size.demo", f"at most {size.full}, the full size", size.demo)
    if size.first_block > size.block:
        return Problem("size.first_block", f"at most {size.block}, as size.block", size.first_block)
    if len(set(suite.seeds)) != len(suite.seeds):
        return Problem("seeds", "each seed once", list(suite.seeds))
    return None


def _name_fault(suite: Suite) -> Problem | None:
    names = [m.name for m in suite.metrics]
    for k, metric in enumerate(suite.metrics):
        if metric.evaluation not in suite.evaluations:
            return Problem(f"metrics.{k}.evaluation", f"one of {', '.join(suite.evaluations)}", repr(metric.evaluation))
        if metric.name in names[:k]:
            return Problem(f"metrics.{k}.name", "each name once", repr(metric.name))
    if suite.ranking.metric not in names:
        return Problem("ranking.metric", f"one of {', '.join(names)}", repr(suite.ranking.metric))
    return None


def _split_fault(suite: Suite) -> Problem | None:
    for a, b in combinations(SPLITS, 2):
        common = np.intersect1d(getattr(suite, a), getattr(suite, b))
        if len(common):
            return Problem(f"data.splits.{b}", f"no index that {a} has", f"{common[0]} in both")
    return None


def _arguments(suite: Suite, factory: Callable[..., Any]) -> dict[str, Any]:
    """What the function of a data set is called with."""
    parameters = inspect.signature(factory).parameters
    open_ended = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    ours = {"root": suite.root, "shape": suite.data.shape, "classes": suite.data.classes}
    own = sorted(set(parameters) - set(ours))
    for key in suite.data.options:
        if key in ours or not (key in own or open_ended):
            raise SuiteError(suite.source, f"data.options.{key}", f"only {', '.join(own) or 'no option'}", "another")
    given = {**{k: v for k, v in ours.items() if k in parameters or open_ended}, **suite.data.options}
    for key, p in parameters.items():
        if key not in given and p.default is p.empty and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL):
            raise SuiteError(suite.source, f"data.options.{key}", f"a value, for {suite.data.dataset}", "nothing")
    return given


def _check_data(suite: Suite, data: Dataset) -> None:
    if suite.data.digest is not None and (got := data.digest()) != suite.data.digest:
        raise DataError(
            f"{suite.source}: data.digest: expected {suite.data.digest}, got {got} from {suite.data.dataset}: the data "
            "are not those the suite was made with; restore them, or give the suite a new digest and a new version"
        )
    for split in SPLITS:
        if (last := int(getattr(suite, split).max(initial=-1))) >= len(data):
            raise SuiteError(suite.source, f"data.splits.{split}", f"indices from 0 to {len(data) - 1}", last)
