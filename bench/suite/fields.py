"""The values of a suite file: exact fractions, lists of indices, names; what is wrong with one as a sentence."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Annotated, Final

from pydantic import BeforeValidator, Field, PlainSerializer, StrictInt

from trustdm.bench.contracts import NAME

MOST: Final = 10_000_000
LARGEST: Final = 10**9
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
    if isinstance(part, int) and not isinstance(part, bool) and 0 <= part < LARGEST:
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
FractionText = Annotated[str, BeforeValidator(fraction_text)]
RadiusText = Annotated[str, BeforeValidator(radius_text)]
