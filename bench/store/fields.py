"""A parsed JSON value that knows where it came from, so that whatever is wrong with it is one clear line."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from trustdm.bench.errors import RunFileError
from trustdm.bench.plainfiles import read_plain

HASH = r"[0-9a-f]{64}"
UID = r"[0-9a-f]{32}"
INT32 = 2**31 - 1
INT64 = 2**63 - 1
SHOWN = 60
"""Characters of a name or a value of the file that a message says."""
MOST = 400
"""Characters of what was expected, which may name something of the file, too."""
LARGEST = 1 << 30
"""Bytes of the largest run file that is read."""


class Field:
    """A value and its place, ``FILE: cells[0].planned``; each method returns it checked, or raises RunFileError."""

    def __init__(self, value: object, where: str):
        self.value = value
        self.where = where

    def error(self, expected: str, got: object = None) -> RunFileError:
        """The error to raise: place, expected, got."""
        shown = repr(self.value) if got is None else str(got)
        return RunFileError(
            f"{self.where}: expected {expected[:MOST]}, got {shown[:SHOWN]}{'...' if shown[SHOWN:] else ''}"
        )

    def of(self, names: Iterable[str]) -> dict[str, Field]:
        """The values of an object that has exactly these names."""
        fields, names = self.entries(), list(names)
        for name in names:
            if name not in fields:
                raise self.error(f"{name!r} in it", f"only {', '.join(fields) or 'nothing'}")
        for name in fields:
            if name not in names:
                raise self.error(f"{', '.join(names)} and nothing else", repr(name))
        return fields

    def entries(self) -> dict[str, Field]:
        """The values of an object, whatever their names."""
        if not isinstance(self.value, dict):
            raise self.error("an object")
        return {name: Field(value, f"{self.where}.{name[:SHOWN]}") for name, value in self.value.items()}

    def items(self, length: int | None = None) -> Iterator[Field]:
        """The values of a list (of that length)."""
        if not isinstance(self.value, list):
            raise self.error("a list")
        if length is not None and len(self.value) != length:
            raise self.error(f"{length} values", f"{len(self.value)} values")
        return (Field(value, f"{self.where}[{i}]") for i, value in enumerate(self.value))

    def text(self, pattern: str | None = None, expected: str = "a text") -> str:
        """A text (that matches the whole pattern)."""
        if not isinstance(self.value, str) or (pattern is not None and not re.fullmatch(pattern, self.value)):
            raise self.error(expected)
        return self.value

    def hash(self) -> str:
        return self.text(HASH, "a SHA-256 in lower case hex")

    def time(self) -> str:
        """A time in ISO 8601, as it is written."""
        value = self.text()
        try:
            datetime.fromisoformat(value)
        except ValueError as error:
            raise self.error("a time in ISO 8601") from error
        return value

    def one_of(self, names: Iterable[str]) -> Any:
        """One of these texts."""
        names = list(names)
        if self.value not in names or not isinstance(self.value, str):
            raise self.error(f"one of {', '.join(map(repr, names))}")
        return self.value

    def integer(self, low: int = 0, high: int = INT32) -> int:
        if isinstance(self.value, bool) or not isinstance(self.value, int) or not low <= self.value <= high:
            raise self.error(f"an integer from {low} to {high}")
        return self.value

    def number(self, low: float = -math.inf, high: float = math.inf) -> float:
        """A number, at least ``low`` and at most ``high``."""
        if isinstance(self.value, bool) or not isinstance(self.value, int | float):
            raise self.error("a number")
        if not self.value >= low:
            raise self.error("a number" if low == -math.inf else f"a number of at least {low:g}")
        try:
            value = float(self.value)
        except OverflowError as error:
            raise self.error("a number that a float64 can hold") from error
        if not value <= high:
            raise self.error(f"a number of at most {high:g}")
        return value

    def boolean(self) -> bool:
        if not isinstance(self.value, bool):
            raise self.error("true or false")
        return self.value

    def or_none(self) -> Field | None:
        """The field itself, or None where its value is null."""
        return None if self.value is None else self


def load(path: Path) -> Field:
    """The content of a JSON file; refuses repeated names, NaN and texts that are not Unicode.

    Raises:
        RunFileError: the file cannot be read, or is not such JSON.
    """
    try:
        value = json.loads(read_plain(path, LARGEST).decode(), object_pairs_hook=_once, parse_constant=_refuse)
        plain = json.dumps(value, allow_nan=False, ensure_ascii=False)
        plain.encode()
    except OSError as error:
        raise RunFileError(f"{path}: expected a run file, got {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise RunFileError(f"{path}: expected JSON, got {error}") from error
    if re.search(r"(?<!\\)(?:\\\\)*\\u0000", plain):
        raise RunFileError(f"{path}: expected text, got a NUL character")
    return Field(value, str(path))


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError(f"a repeated name in {', '.join(name for name, _ in pairs)[:SHOWN]}")
    return found


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant}; write null")
