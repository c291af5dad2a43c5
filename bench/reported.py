"""Numbers that others published, each with its source, its protocol and what is doubtful about it.

One TOML file a suite in ``results/reported``. Such rows are shown beside measured ones, never among them, and never
ranked. Torch-free.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, StrictInt, ValidationError, model_validator

from trustdm.bench.contracts import NAME
from trustdm.bench.errors import SuiteError
from trustdm.bench.plugins import installed_tasks
from trustdm.bench.suite.models import expected_keys, problems
from trustdm.bench.tasks.contract import Published, Task

FLAGS: Final = {
    "suspect": "Demonstrably odd: it contradicts another number of its source, or another account of it.",
    "underspecified": "The source does not say enough to repeat it: number of images, labels, or what was changed.",
    "recalled": "From memory of the paper; nobody has checked it against the text yet.",
    "best-of-three": "The least of three sets of images, which is lower than their mean.",
    "best-snapshot": "Of the snapshot with the least distance during training, chosen by this very number.",
    "pre-trained": "Of a network that its earlier authors trained, not trained again.",
    "cut-off": "From a file that ends early; the images after its end are missing.",
    "claim": "What its authors say of their own work; nobody else has confirmed it.",
    "corrected": "Its authors have since corrected it.",
    "second-hand": "As another publication quotes it, not the one that measured it.",
    "one-draw": "A method that draws random numbers, judged by one draw.",
    "inexact-gradient": "Found with gradients that are not those of the method; exact ones may lower it.",
    "not-adaptive": "A part of the method was ignored when it was tried; whoever knows all of it may lower it.",
    "same-name": "Under a name that also stands for another protocol; its namesakes are not comparable.",
    "other-images": "On other images than the numbers that it is set against.",
    "other-bound": "Under another bound than that of the board.",
}
Flag = Literal[
    "suspect",
    "underspecified",
    "recalled",
    "best-of-three",
    "best-snapshot",
    "pre-trained",
    "cut-off",
    "claim",
    "corrected",
    "second-hand",
    "one-draw",
    "inexact-gradient",
    "not-adaptive",
    "same-name",
    "other-images",
    "other-bound",
]
OWN: Final = {
    *("system", "variant", "data", "metric", "value", "says", "n", "source", "protocol", "flags", "note", "measured"),
}
"""Keys of a row; every other one is a parameter of its metric."""
KEYS: Final = ("system", "variant", "data", "metric", "source")

Sentence = Annotated[str, Field(min_length=1)]
Key = Annotated[str, Field(pattern=NAME)]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Source(_Table):
    """A publication: its ``citation``, ``where`` in it the numbers stand, and an address."""

    citation: Sentence
    where: Sentence
    url: Annotated[str, Field(pattern=r"^https://[^\s]+$")]


class Measured(_Table):
    """The row of ours with the same system and the same protocol: its method, parameters and metric."""

    method: Sentence
    params: dict[str, Any] = {}
    metric: Sentence


class Entry(_Table):
    """One number. ``source`` and ``protocol`` are keys of the file's tables; no ``n``: the source does not say.

    A claim without a number has a sentence, ``says``, in the place of ``value``. ``metric`` is one that a task
    publishes (``Task.published``); further keys are parameters of it.
    """

    system: Sentence
    variant: str = ""
    data: str = ""
    metric: Sentence
    value: Annotated[Decimal, Field(allow_inf_nan=False)] | None = None
    says: str = ""
    n: Annotated[StrictInt, Field(ge=2)] | None = None
    source: Key
    protocol: Key
    flags: tuple[Flag, ...] = ()
    note: str = ""
    measured: Measured | None = None
    params: dict[str, Any] = {}

    @model_validator(mode="before")
    @classmethod
    def _gather(cls, value: Any) -> Any:
        """Every key that is not the row's own is a parameter of its metric."""
        if not isinstance(value, dict):
            return value
        further = {k: v for k, v in value.items() if k not in OWN}
        return {k: v for k, v in value.items() if k in OWN} | {"params": further}


class ReportedFile(_Table):
    """A whole file: numbers about ``data``, beside the board of ``suite`` where there is one of that name."""

    suite: Key
    title: Sentence
    data: str = ""
    sources: dict[Key, Source]
    protocols: dict[Key, dict[str, str]]
    rows: Annotated[tuple[Entry, ...], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class ReportedRow:
    """One published number with everything that the file says about it; ``value`` keeps the digits as printed.

    A claim in words has no value; ``says`` is what it says.
    ``params`` are those of the metric, ``protocol`` what is said of each term, empty where the source says nothing;
    ``words`` what the metric is called, ``told`` what tells the number from others of its system, ``cost`` in words
    and what it sorts by.
    """

    suite: str
    title: str
    system: str
    variant: str
    data: str
    metric: str
    value: Decimal | None
    says: str
    n: int | None
    params: tuple[tuple[str, Any], ...]
    source: Source
    protocol: tuple[tuple[str, str], ...]
    flags: tuple[str, ...]
    note: str
    measured: Measured | None

    words: str
    told: str
    cost: str
    cost_sort: float | None

    @property
    def printed(self) -> str:
        """The value with its digits; empty for a claim in words."""
        return "" if self.value is None else str(self.value)

    def as_json(self) -> dict[str, object]:
        """The row as plain JSON values; ``printed`` is the value with its digits."""
        plain = ("suite", "system", "variant", "data", "metric", "says", "n", "note")
        return {
            **{name: getattr(self, name) for name in plain},
            **{name: float(v) if isinstance(v, Decimal) else v for name, v in self.params},
            "value": None if self.value is None else float(self.value),
            "printed": self.printed,
            "flags": list(self.flags),
            "source": self.source.model_dump(),
            "protocol": {term: said for term, said in self.protocol if said},
        }


def folder() -> Path:
    """The folder of the files that come with the package, ``results/reported``."""
    return Path(str(files("trustdm.results"))) / "reported"


def suites() -> list[str]:
    """The names of the suites (or other topics) that there are reported numbers for."""
    return sorted(path.stem for path in folder().glob("*.toml"))


def reported(suite: str) -> tuple[ReportedRow, ...]:
    """The reported numbers of a suite, in the order of the file; none where there is no file.

    Raises:
        SuiteError: the file is wrong.
    """
    return read(folder() / f"{suite}.toml") if suite in suites() else ()


def as_json(suite: str) -> list[dict[str, object]]:
    """The reported numbers of a suite as plain JSON, for ``trustdm show SUITE --reported``.

    Raises:
        SuiteError: the file is wrong.
    """
    return [row.as_json() for row in reported(suite)]


def read(path: Path) -> tuple[ReportedRow, ...]:
    """The rows of one file.

    Raises:
        SuiteError: it cannot be read or is wrong: one line with file, entry, key, expected and got.
    """
    raw = _parsed(path)
    try:
        file = ReportedFile.model_validate(raw)
    except ValidationError as error:
        key, expected, got = _first(error)
        raise SuiteError(path, _entry(raw, key), expected, got) from error
    _check(path, file)
    return tuple(_row(file, entry) for entry in file.rows)


def _parsed(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except OSError as error:
        raise SuiteError(path, "the file", "a file that can be read", error.strerror or error) from error
    except UnicodeDecodeError as error:
        raise SuiteError(path, "the file", "text in UTF-8", error.reason) from error
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line \d+", str(error))
        raise SuiteError(path, line[0] if line else "the end of the file", "TOML", f"an error: {error}") from error


def _first(error: ValidationError) -> tuple[str, str, str]:
    """The first thing that is wrong: dotted key, expected, got, and how many more there are."""
    found, *rest = error.errors(include_url=False)
    key = ".".join(str(part) for part in found["loc"] if part != "[key]") or "the file"
    more = f"; and {len(rest)} more" if rest else ""
    if found["type"] == "missing":
        return key, "a value", f"nothing{more}"
    if found["type"] == "extra_forbidden":
        return key, "a key that is known here", f"another one{more}"
    expected = re.sub(r"^.* should (?:be |have )?", "", found["msg"])
    return key, expected, f"{str(found['input'])[:80]!r}{more}"


def _row(file: ReportedFile, entry: Entry) -> ReportedRow:
    task, metric = published()[entry.metric]
    params = metric.params.model_validate(entry.params).model_dump(exclude_none=True)
    cost, cost_sort = task.cost_of(params)
    return ReportedRow(
        suite=file.suite,
        title=file.title,
        system=entry.system,
        variant=entry.variant,
        data=entry.data or file.data,
        metric=entry.metric,
        value=entry.value,
        says=entry.says,
        n=entry.n,
        params=tuple(params.items()),
        source=file.sources[entry.source],
        protocol=tuple({**dict.fromkeys(task.terms, ""), **file.protocols[entry.protocol]}.items()),
        flags=entry.flags,
        note=entry.note,
        measured=entry.measured,
        words=metric.words,
        told=", ".join(part for part in (entry.variant, task.told_apart(params)) if part),
        cost=cost,
        cost_sort=cost_sort,
    )


@cache
def published() -> Mapping[str, tuple[Task, Published]]:
    """Every metric that an installed task publishes, by name."""
    return {metric.name: (task, metric) for task in installed_tasks().values() for metric in task.published}


def _entry(raw: dict[str, Any], key: str) -> str:
    """ "rows.3.value" as "row 4 (EDM, config A): value"."""
    found = re.fullmatch(r"rows\.(\d+)(?:\.(.*))?", key)
    rows = raw.get("rows")
    if found is None or not isinstance(rows, list):
        return key
    row = rows[int(found[1])]
    words = [str(row[k]) for k in ("system", "variant") if row.get(k)] if isinstance(row, dict) else []
    name = f"row {int(found[1]) + 1}" + (f" ({', '.join(words)})" if words else "")
    return f"{name}: {found[2]}" if found[2] else name


def _check(path: Path, file: ReportedFile) -> None:
    if file.suite != path.stem:
        raise SuiteError(path, "suite", f"{path.stem!r}, as the file is named", repr(file.suite))
    seen: set[tuple[object, ...]] = set()
    for at, entry in enumerate(file.rows):
        where = _entry({"rows": [e.model_dump() for e in file.rows]}, f"rows.{at}")
        for key, expected, got in _faults(file, entry):
            raise SuiteError(path, f"{where}: {key}", expected, got)
        identity = (*(getattr(entry, name) for name in KEYS), tuple(sorted(entry.params.items())))
        if identity in seen:
            raise SuiteError(path, where, f"each {', '.join(KEYS)} once", "the same again")
        seen.add(identity)


def _faults(file: ReportedFile, entry: Entry) -> Iterable[tuple[str, str, object]]:
    """What is wrong with an entry that the types do not see."""
    if entry.source not in file.sources:
        yield "source", f"one of {', '.join(file.sources)}", repr(entry.source)
    if entry.protocol not in file.protocols:
        yield "protocol", f"one of {', '.join(file.protocols)}", repr(entry.protocol)
    if not (entry.data or file.data):
        yield "data", "the data set, here or at the top of the file", "nothing"
    if (entry.value is None) is not bool(entry.says):
        yield "value", "a number, or words in says", "both" if entry.says else "nothing"
    if entry.n is None and "underspecified" not in entry.flags:
        yield "n", "a number of images, or the flag underspecified", "neither"
    if len(set(entry.flags)) < len(entry.flags):
        yield "flags", "each flag once", list(entry.flags)
    yield from _metric_faults(entry)


def _metric_faults(entry: Entry) -> Iterable[tuple[str, str, object]]:
    known = published()
    if entry.metric not in known:
        yield "metric", f"one of {', '.join(sorted(known))}", repr(entry.metric)
        return
    metric = known[entry.metric][1]
    keys = {*OWN, *metric.params.model_fields}
    for key in sorted(entry.params.keys() - keys):
        yield key, expected_keys(key, keys), "an unknown key"
    try:
        metric.params.model_validate(entry.params)
    except ValidationError as error:
        for problem in problems(error, metric.params):
            yield problem.key, problem.expected, problem.got
    if entry.value is None:
        return
    if metric.least is not None and entry.value < metric.least:
        yield "value", f"at least {metric.least:g}", entry.value
    if metric.unit == "share" and entry.value > 1:
        yield "value", "a share of at most 1", entry.value


def labels(flags: Sequence[str]) -> list[tuple[str, str]]:
    """Each flag with what it means, in the order of ``FLAGS``."""
    return [(name, FLAGS[name]) for name in get_args(Flag) if name in flags]
