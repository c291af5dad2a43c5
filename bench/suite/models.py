"""The tables of a suite file as frozen models, and what pydantic says about a bad one as plain sentences."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Annotated, Any, Literal, NamedTuple, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    StrictInt,
    ValidationError,
    model_serializer,
    model_validator,
)

from trustdm.bench.hashing import canonical_json
from trustdm.bench.suite.fields import MOST, Hash, Indices, Name, Sentence, SomeIndices, Whole


class Table(BaseModel):
    """A table of the file: frozen, and no key that is not known."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def gathered(value: Any, own: set[str]) -> Any:
    """A table with every key that is not its ``own`` under "params"; ValueError where these hold no plain values."""
    if not isinstance(value, dict):
        return value
    params = {k: v for k, v in value.items() if k not in own}
    try:
        canonical_json(params)
    except (TypeError, ValueError) as error:
        raise ValueError("texts, finite numbers, true, false, lists and tables") from error
    return {"params": params} | {k: v for k, v in value.items() if k in own}


class Splits(Table):
    """Indices in the data set. The order of ``test`` is the order in which it is run."""

    train: SomeIndices = ()
    validation: SomeIndices = ()
    test: Indices


class Data(Table):
    """``dataset`` is the name of a plugin, ``digest`` what its content must have, ``options`` what it is given.

    ``shape`` are the sizes of one example. A suite whose task reads no examples may leave out ``digest`` and
    ``splits``; where the digest is left out for examples that are read, the one that is found is part of every result.
    """

    dataset: Name
    digest: Hash | None = None
    shape: Annotated[tuple[Whole, ...], Field(min_length=1)]
    classes: Annotated[StrictInt, Field(ge=1)]
    options: dict[str, Any] = {}
    splits: Splits | None = None


class Size(Table):
    """``demo`` and ``full`` count test examples, or seeds; blocks start at ``first_block`` and end at ``block``."""

    demo: Annotated[StrictInt, Field(ge=0)] = 0
    full: Annotated[Whole, Field(le=MOST)]
    first_block: Annotated[Whole, Field(le=MOST)] = 8
    block: Annotated[Whole, Field(le=MOST)] = 64


class Evaluation(Table):
    """A protocol by name; every other key of the table is a parameter of it, which it checks itself.

    ``optional``: it is run only where it is named, as a tier that costs days.
    """

    protocol: Name
    optional: bool = False
    params: dict[str, Any] = {}

    @model_validator(mode="before")
    @classmethod
    def _gather(cls, value: Any) -> Any:
        return gathered(value, {"protocol", "optional"})

    @model_serializer
    def _flat(self) -> dict[str, Any]:
        return {"protocol": self.protocol, **({"optional": True} if self.optional else {}), **self.params}


class MetricSpec(Table):
    """A column of the board: ``statistic`` of the records of ``evaluation``, up to ``probe`` (empty: all of them).

    Every other key is a parameter of the statistic (a radius, a false positive rate), which its task checks.
    """

    name: Name
    evaluation: Name
    statistic: Name
    probe: str = ""
    direction: Literal["higher", "lower"] = "higher"
    label: str = ""
    params: dict[str, Any] = {}

    @model_validator(mode="before")
    @classmethod
    def _gather(cls, value: Any) -> Any:
        return gathered(value, set(cls.model_fields) - {"params"})

    @model_serializer(mode="wrap")
    def _flat(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        own: dict[str, Any] = dump(self)
        params: dict[str, Any] = own.pop("params")
        return own | params


class Ranking(Table):
    """Rows are ordered by ``metric``; ranks are told apart at ``level``, corrected for the number of comparisons.

    Rows whose difference certainly is below ``margin``, in the unit of the metric, are called tied.
    """

    metric: Name
    level: Annotated[float, Field(gt=0, lt=1)] = 0.05
    margin: Annotated[float, Field(gt=0)] | None = None


class SuiteFile(Table):
    """A whole suite file, but for the table of its task (``bench.tasks.contract``).

    ``methods``, as they are typed after --method, are run beside those that fit where none is named: what is put
    together by name fits many suites, and is run on few.
    """

    name: Name
    version: Whole
    title: Sentence
    description: str = ""
    seeds: Annotated[tuple[Annotated[StrictInt, Field(ge=0)], ...], Field(min_length=1)] = (0,)
    precision: Literal["float32"] = "float32"
    draws: Whole = 10
    failures: Literal["wrong", "excluded"] = "wrong"
    methods: tuple[Sentence, ...] | None = None
    data: Data
    size: Size
    evaluations: Annotated[dict[Name, Evaluation], Field(min_length=1)]
    metrics: Annotated[tuple[MetricSpec, ...], Field(min_length=1)]
    ranking: Ranking


class Problem(NamedTuple):
    """One thing that is wrong with a suite file; ``key`` is dotted."""

    key: str
    expected: str
    got: object


def problems(error: ValidationError, model: type[BaseModel] = SuiteFile) -> list[Problem]:
    """What is wrong with a file that ``model`` describes, one entry for each place."""
    return [_problem(e, model) for e in error.errors(include_url=False)]


def _problem(found: Any, model: type[BaseModel]) -> Problem:
    where = [part for part in found["loc"] if part != "[key]"]
    key = ".".join(str(part) for part in where) or "the file"
    if found["type"] == "missing":
        return Problem(key, "a value", "nothing")
    if found["type"] == "extra_forbidden":
        return Problem(key, _known_keys(where, model), "an unknown key")
    cause = found.get("ctx", {}).get("error")
    expected = str(cause) if cause else re.sub(r"^.* should (?:be |have )?", "", found["msg"])
    return Problem(key, expected, _short(found["input"]))


def _known_keys(where: list[Any], model: type[BaseModel]) -> str:
    """The keys that the table has which holds the unknown key ``where[-1]``, the nearest ones first."""
    table: type[BaseModel] | None = model
    for part in where[:-1]:
        if table is not None and part in table.model_fields:
            table = _table_in(table.model_fields[part].annotation) or table
    return expected_keys(str(where[-1]), table.model_fields if table else ())


def expected_keys(key: str, known: Iterable[str]) -> str:
    """What to write in the place of ``key``: the nearest of the ``known`` ones, or all of them."""
    every = sorted(known)
    near = difflib.get_close_matches(key, every, n=2)
    return f"{' or '.join(near)} here" if near else f"only the keys {', '.join(every)}"


def _table_in(annotation: Any) -> type[BaseModel] | None:
    """The table that a field holds, alone or as the values of a list or of a table of tables."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((table for a in get_args(annotation) if (table := _table_in(a))), None)


def _short(value: object, most: int = 80) -> str:
    text = repr(value)
    return text if len(text) <= most else f"{text[:most]}..."
