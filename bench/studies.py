"""A study joins two boards: what a method gets on one, against what it, or what is made of it, gets on the other.

One TOML file a study in ``suites/studies``. Torch-free.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from trustdm.bench.errors import SuiteError, UnknownName
from trustdm.bench.suite.fields import Name, Sentence
from trustdm.bench.suite.load import Suite
from trustdm.bench.suite.models import Table, problems
from trustdm.bench.summary.row import Row
from trustdm.bench.types import Origin

METHOD = "method"


class Axis(Table):
    """One side of a study: a ``metric`` of a ``suite``, of rows that have these ``params``.

    ``by`` is what rows are joined by: the method's name, or the value of one of its parameters (the name of a method
    that it is made of).
    """

    suite: Name
    metric: Name
    by: Name = METHOD
    params: Mapping[str, Any] = Field(default_factory=dict)


class Study(Table):
    """A whole file: a ``question``, and the two metrics that are to answer it."""

    name: Name
    title: Sentence
    question: Sentence
    x: Axis
    y: Axis


@dataclass(frozen=True)
class Point:
    """Two rows about the same ``key``."""

    key: str
    x: Row
    y: Row


def names() -> list[str]:
    """The studies that come with the package."""
    return sorted(path.stem for path in _folder().glob("*.toml"))


def load_study(name_or_path: str | Path) -> Study:
    """The study of that name, or in that file.

    Raises:
        UnknownName: none of that name comes with the package.
        SuiteError: the file cannot be read or is wrong.
    """
    path = Path(name_or_path)
    if path.suffix != ".toml":
        if str(name_or_path) not in names():
            raise UnknownName("study", str(name_or_path), names())
        path = _folder() / f"{name_or_path}.toml"
    try:
        return Study.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SuiteError(path, "the file", "a study in TOML that can be read", error) from error
    except ValidationError as error:
        key, expected, got = problems(error, Study)[0]
        raise SuiteError(path, key, expected, got) from error


def _folder() -> Path:
    return Path(str(resources.files("trustdm.suites"))) / "studies"


def check(study: Study, suites: Mapping[str, Suite]) -> None:
    """Refuses a study of a suite or a metric that is not there.

    Raises:
        SuiteError: with the key, and what is known.
    """
    for name, axis in (("x", study.x), ("y", study.y)):
        if axis.suite not in suites:
            raise SuiteError(f"study {study.name}", f"{name}.suite", f"one of {', '.join(suites)}", axis.suite)
        known = [metric.name for metric in suites[axis.suite].metrics]
        if axis.metric not in known:
            raise SuiteError(f"study {study.name}", f"{name}.metric", f"one of {', '.join(known)}", axis.metric)


def points(study: Study, x: Sequence[Row], y: Sequence[Row]) -> list[Point]:
    """Every pair of measured, current rows about the same method; a full row counts before its preview."""
    left, right = dict(_keyed(study.x, x)), dict(_keyed(study.y, y))
    return [Point(key, one, two) for (key, _), one in left.items() for (other, _), two in right.items() if key == other]


def _keyed(axis: Axis, rows: Sequence[Row]) -> Iterator[tuple[tuple[str, str], Row]]:
    """Each usable row by its key and by what it is; of one thing the fullest row comes last and replaces others."""
    for row in sorted(rows, key=lambda r: (r.completeness == "full", r.n)):
        params = dict(row.params)
        usable = row.currency == "current" and row.origin is Origin.MEASURED and axis.metric in row.metrics
        if not usable or any(params.get(name) != value for name, value in axis.params.items()):
            continue
        key = row.method if axis.by == METHOD else params.get(axis.by)
        if key is not None:
            yield (str(key), f"{row.method} {row.params} {row.seed}"), row
