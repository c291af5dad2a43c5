"""What an evaluation leaves behind for each example, draw and probe: columns of numbers, never averages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, NoReturn, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trustdm.bench.conforms import Conformance
from trustdm.bench.types import CellIdentity, Cost, Origin, Status, Verification


@dataclass(frozen=True)
class Records:
    """Parallel columns, one row for each (example, draw, probe).

    ``example`` is the index in the data set (not in the suite's list), or the position among seeds or chunks of draws
    (``Suite.positions``); ``draw`` counts repetitions of a randomized
    method; ``probe`` says what was looked at ("clean", or the name of an attack); ``status`` is a ``Status``;
    ``label`` the predicted class (-1 where none); ``value`` the margin, true logit minus largest other (NaN where
    none); ``norm`` the size of the perturbation in the suite's norm, [0, 1] pixel units (NaN where none).
    """

    example: NDArray[np.int64]
    draw: NDArray[np.int64]
    probe: NDArray[np.str_]
    status: NDArray[np.int8]
    label: NDArray[np.int64]
    value: NDArray[np.float64]
    norm: NDArray[np.float64]

    def __post_init__(self) -> None:
        lengths = {f.name: len(getattr(self, f.name)) for f in fields(self)}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"expected columns of one length, got {lengths}")

    def __len__(self) -> int:
        return len(self.example)

    @staticmethod
    def of(
        probe: str,
        example: ArrayLike,
        status: ArrayLike,
        *,
        draw: int = 0,
        label: ArrayLike | None = None,
        value: ArrayLike | None = None,
        norm: ArrayLike | None = None,
    ) -> Records:
        """The rows of one probe; columns left out are filled with "none"."""
        ids = np.asarray(example, dtype=np.int64)
        n = len(ids)
        nothing = np.full(n, np.nan)
        return Records(
            example=ids,
            draw=np.full(n, draw, dtype=np.int64),
            probe=np.full(n, probe),
            status=np.asarray(status, dtype=np.int8),
            label=np.full(n, -1) if label is None else np.asarray(label, dtype=np.int64),
            value=nothing if value is None else np.asarray(value, dtype=np.float64),
            norm=nothing if norm is None else np.asarray(norm, dtype=np.float64),
        )

    @staticmethod
    def empty() -> Records:
        return Records.of("", [], [])

    @staticmethod
    def concat(parts: Iterable[Records]) -> Records:
        parts = [p for p in parts if len(p)] or [Records.empty()]
        return Records(**{f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Records)})

    def where(self, mask: NDArray[np.bool_]) -> Records:
        return Records(**{f.name: getattr(self, f.name)[mask] for f in fields(self)})

    def sorted(self) -> Records:
        """The same rows in the canonical order (example, draw, probe)."""
        order = np.lexsort((self.probe, self.draw, self.example))
        return Records(**{f.name: getattr(self, f.name)[order] for f in fields(self)})

    def equals(self, other: Records) -> bool:
        """Whether both hold the same rows, bit for bit, in whatever order."""
        if len(self) != len(other):
            return False
        a, b = self.sorted(), other.sorted()
        return all(_same(getattr(a, f.name), getattr(b, f.name)) for f in fields(self))


def _same(a: NDArray[np.generic], b: NDArray[np.generic]) -> bool:
    return bool(np.array_equal(a, b, equal_nan=a.dtype.kind == "f"))


def failed(examples: Sequence[int] | NDArray[np.int64]) -> Records:
    """Rows for a block in which the method itself failed."""
    return Records.of("failure", examples, np.full(len(examples), Status.FAILED))


class LazyRecords:
    """A field that holds records, or a function that reads them when they are first asked for."""

    @overload
    def __get__(self, instance: None, owner: type) -> NoReturn: ...
    @overload
    def __get__(self, instance: object, owner: type) -> Records: ...
    def __get__(self, instance: object | None, owner: type) -> Records:
        if instance is None:
            raise AttributeError("records")  # so that the field has no default
        held = instance.__dict__["_records"]
        if callable(held):
            held = instance.__dict__["_records"] = held()
        records: Records = held
        return records

    def __set__(self, instance: object, value: Records | Callable[[], Records]) -> None:
        instance.__dict__["_records"] = value
        if callable(value):
            instance.__dict__["_read"] = value


def total_cost(costs: Sequence[Cost]) -> Cost:
    """Sums, and the largest peak of memory."""
    return Cost(
        wall=sum(c.wall for c in costs),
        device=sum(c.device for c in costs),
        forwards=sum(c.forwards for c in costs),
        gradients=sum(c.gradients for c in costs),
        memory=max((c.memory for c in costs), default=0),
    )


def _no_arrays(name: str) -> NDArray[Any] | None:
    return None


@dataclass(frozen=True)
class CellResult:
    """All that is stored about one cell, as the summary needs it.

    ``lab`` is the id of the store that measured it, ``own`` whether that is the one it was read from (it was imported
    otherwise), and ``lab_name`` what that one calls it; ``planned`` the number of positions that a whole cell has;
    ``card`` the method's card as it was when measured;
    ``diagnostics`` are counts summed over the blocks (examples checked, examples with a zero gradient, ...);
    ``untimed`` counts the blocks that are done and say that they took no time;
    ``records`` are read when they are first looked at, and ``count`` says how many there are (None: count them);
    ``revision`` changes with whatever is stored of the cell (empty: unknown);
    ``conformance`` is how its method did in conformance checks, None where these were not run;
    ``arrays(name)`` the arrays of that name that were kept with the blocks, end to end in the order of the suite's
    list, or None where a block that is done has none.
    """

    id: int
    identity: CellIdentity
    planned: int
    card: dict[str, object]
    records: LazyRecords = LazyRecords()
    cost: Cost = field(default_factory=Cost)
    origin: Origin = Origin.MEASURED
    verification: Verification = Verification.UNVERIFIED
    superseded: bool = False
    lab: str = ""
    own: bool = True
    lab_name: str = ""
    diagnostics: dict[str, float] = field(default_factory=dict)
    errors: tuple[str, ...] = ()
    count: int | None = None
    untimed: int = 0
    revision: str = ""
    conformance: Conformance | None = None
    arrays: Callable[[str], NDArray[Any] | None] = field(default=_no_arrays, compare=False, repr=False)

    def forget(self) -> None:
        """Lets go of records that can be read again."""
        if "_read" in self.__dict__:
            self.__dict__["_records"] = self.__dict__["_read"]

    @property
    def filled(self) -> bool:
        """Whether anything is stored."""
        return (len(self.records) if self.count is None else self.count) > 0
