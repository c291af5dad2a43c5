"""The tables of a suite file as frozen models, and what pydantic says about a bad one as plain sentences."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Annotated, Any, Final, Literal, NamedTuple, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StrictInt,
    ValidationError,
    model_serializer,
    model_validator,
)

from trustdm.bench.contracts import NAME, Norm
from trustdm.bench.hashing import canonical_json

MOST: Final = 10_000_000
HASH: Final = r"^[0-9a-f]{64}$"
FRACTION: Final = 'a positive fraction in quotes, such as "8/255"'
INDICES: Final = 'indices as "0-99,120" or a list of such texts and whole numbers, at least one, each only once'


def fraction_text(value: object) -> str:
    """The fraction in lowest terms: "6/40" is "3/20"; ValueError for numbers (binary ones are not exact) and zero."""
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]{1,9}(/[0-9]{1,9})?", value):
        raise ValueError(FRACTION)
    top, _, bottom = value.partition("/")
    if not int(top) or (bottom and not int(bottom)):
        raise ValueError(FRACTION)
    return str(Fraction(value))


def radius_text(value: object) -> str:
    """A radius as a fraction in lowest terms; "0" is one."""
    return "0" if value == "0" else fraction_text(value)


def indices(value: object) -> tuple[int, ...]:
    """The indices that ``value`` lists, in its order; ValueError where it is no such list or repeats one."""
    parts = value if isinstance(value, list | tuple) else [value]
    found: list[int] = []
    for part in parts:
        found.extend(_expand(part))
    if not found:
        raise ValueError(INDICES)
    if len(set(found)) != len(found):
        twice = next(i for i, count in Counter(found).items() if count > 1)
        raise ValueError(f"{INDICES}; {twice} is there more than once")
    return tuple(found)


def some_indices(value: object) -> tuple[int, ...]:
    """The same, or none at all for an empty list or text."""
    return () if value in ("", [], ()) else indices(value)


def _expand(part: object) -> Iterable[int]:
    if isinstance(part, int) and not isinstance(part, bool) and part >= 0:
        return [part]
    if not isinstance(part, str) or not re.fullmatch(r"\s*\d{1,9}(-\d{1,9})?(\s*,\s*\d{1,9}(-\d{1,9})?)*\s*", part):
        raise ValueError(INDICES)
    found: list[int] = []
    for piece in part.split(","):
        first, _, last = piece.strip().partition("-")
        start, stop = int(first), int(last or first) + 1
        if stop <= start or len(found) + stop - start > MOST:
            raise ValueError(f"{INDICES}; {piece.strip()!r} is empty or longer than {MOST}")
        found.extend(range(start, stop))
    return found


def ranges(ids: Sequence[int]) -> str:
    """The one text of a list of indices: each run of neighbours in ascending order as "first-last"."""
    runs: list[list[int]] = []
    for i in ids:
        if runs and i == runs[-1][1] + 1:
            runs[-1][1] = i
        else:
            runs.append([i, i])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in runs)


Name = Annotated[str, Field(pattern=NAME)]
Sentence = Annotated[str, Field(min_length=1)]
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
Whole = Annotated[StrictInt, Field(ge=1)]
Hash = Annotated[str, Field(pattern=HASH)]
Indices = Annotated[tuple[int, ...], BeforeValidator(indices), PlainSerializer(ranges)]


SomeIndices = Annotated[tuple[int, ...], BeforeValidator(some_indices), PlainSerializer(ranges)]


class Table(BaseModel):
    """A table of the file: frozen, and no key that is not known."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Adversary(Table):
    """``norm`` and ``eps`` (a fraction in text) bound what may be added; ``knows`` and ``wins`` are sentences."""

    norm: Norm
    eps: Annotated[str, BeforeValidator(fraction_text)]
    knows: Sentence
    wins: Sentence


class Splits(Table):
    """Indices in the data set. The order of ``test`` is the order in which it is run."""

    train: SomeIndices = ()
    validation: SomeIndices = ()
    test: Indices


class Certification(Table):
    """How smoothed classifiers are certified; the norm is l2, radii are in units of the [0, 1] range.

    ``selection`` draws choose the class of an image, ``estimation`` others bound its probability, each wrong with
    probability at most ``alpha`` (a fraction in text). Draws are made and stored in chunks of ``chunk``.
    """

    alpha: Annotated[str, BeforeValidator(fraction_text)] = "1/1000"
    selection: Whole = 100
    estimation: Whole
    chunk: Whole = 1000


class Data(Table):
    """``dataset`` is the name of a plugin, ``digest`` what its content must have, ``options`` what it is given.

    A suite that measures generators by published moments may leave out ``digest`` and ``splits``; where the digest is
    left out for images that are read, the one that is found is part of every result.
    """

    dataset: Name
    digest: Hash | None = None
    shape: tuple[Whole, Whole, Whole]
    classes: Annotated[StrictInt, Field(ge=1)]
    options: dict[str, Any] = {}
    splits: Splits | None = None


class Generation(Table):
    """How images are made of seeds, and what they are compared with.

    ``labels``: seed i gets class i modulo the number of classes ("balanced"), one drawn from the seed ("random"), or
    none. ``quantise``: to 8 bits by "round" (floor(255 x + 1/2)) or "truncate" (floor(255 x)). ``extractor`` is the
    name of a plugin and ``extractor_sha256`` the hash of its weights; ``reference`` the file of what its features of
    the reference images are (``trustdm reference``). A distance is that of ``set`` images to the reference; where
    more are made, it is the mean over the sets.
    """

    labels: Literal["balanced", "random", "none"] = "balanced"
    quantise: Literal["round", "truncate"] = "round"
    extractor: Name
    extractor_sha256: Hash | None = None
    reference: FileName
    reference_sha256: Hash | None = None
    set: Annotated[StrictInt, Field(ge=2)]


class Size(Table):
    """``demo`` and ``full`` count test examples, or seeds; blocks start at ``first_block`` and end at ``block``."""

    demo: Annotated[StrictInt, Field(ge=0)] = 0
    full: Whole
    first_block: Whole = 8
    block: Whole = 64


class Evaluation(Table):
    """A protocol by name; every other key of the table is a parameter of it, which it checks itself."""

    protocol: Name
    params: dict[str, Any] = {}

    @model_validator(mode="before")
    @classmethod
    def _gather(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        params = {k: v for k, v in value.items() if k != "protocol"}
        try:
            canonical_json(params)
        except (TypeError, ValueError) as error:
            raise ValueError("texts, finite numbers, true, false, lists and tables") from error
        return {"params": params} | ({"protocol": value["protocol"]} if "protocol" in value else {})

    @model_serializer
    def _flat(self) -> dict[str, Any]:
        return {"protocol": self.protocol, **self.params}


Classified = Literal["accuracy", "survival"]
Generated = Literal["frechet", "kid", "precision", "recall", "evaluations"]
Certified = Literal["certified", "certified-radius", "abstention", "draws"]
Statistic = Literal[Classified, Generated, Certified]


class MetricSpec(Table):
    """A column of the board: ``statistic`` of the records of ``evaluation``, up to ``probe`` (empty: all of them).

    ``radius`` is that of "certified": a fraction in text, in units of the [0, 1] range.
    """

    name: Name
    evaluation: Name
    statistic: Statistic
    probe: str = ""
    radius: Annotated[str, BeforeValidator(radius_text)] | None = None
    direction: Literal["higher", "lower"] = "higher"
    label: str = ""


class Ranking(Table):
    """Rows are ordered by ``metric``; ranks are told apart at ``level``, corrected for the number of comparisons."""

    metric: Name
    level: Annotated[float, Field(gt=0, lt=1)] = 0.05


class SuiteFile(Table):
    """A whole suite file."""

    name: Name
    version: Whole
    title: Sentence
    description: str = ""
    seeds: Annotated[tuple[Annotated[StrictInt, Field(ge=0)], ...], Field(min_length=1)] = (0,)
    precision: Literal["float32"] = "float32"
    draws: Whole = 10
    failures: Literal["wrong", "excluded"] = "wrong"
    adversary: Adversary | None = None
    generation: Generation | None = None
    certification: Certification | None = None
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


def problems(error: ValidationError) -> list[Problem]:
    """What is wrong with a suite file, one entry for each place."""
    return [_problem(e) for e in error.errors(include_url=False)]


def _problem(found: Any) -> Problem:
    where = [part for part in found["loc"] if part != "[key]"]
    key = ".".join(str(part) for part in where) or "the file"
    if found["type"] == "missing":
        return Problem(key, "a value", "nothing")
    if found["type"] == "extra_forbidden":
        return Problem(key, _known_keys(where), "an unknown key")
    cause = found.get("ctx", {}).get("error")
    expected = str(cause) if cause else re.sub(r"^.* should (?:be |have )?", "", found["msg"])
    return Problem(key, expected, _short(found["input"]))


def _known_keys(where: list[Any]) -> str:
    """The keys that the table has which holds the unknown key ``where[-1]``, the nearest ones first."""
    table: type[BaseModel] | None = SuiteFile
    for part in where[:-1]:
        if table is not None and part in table.model_fields:
            table = _table_in(table.model_fields[part].annotation) or table
    known = sorted(table.model_fields) if table else []
    near = difflib.get_close_matches(str(where[-1]), known, n=2)
    return f"{' or '.join(near)} here" if near else f"only the keys {', '.join(known)}"


def _table_in(annotation: Any) -> type[BaseModel] | None:
    """The table that a field holds, alone or as the values of a list or of a table of tables."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((table for a in get_args(annotation) if (table := _table_in(a))), None)


def _short(value: object, most: int = 80) -> str:
    text = repr(value)
    return text if len(text) <= most else f"{text[:most]}..."
