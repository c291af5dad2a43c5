"""Readers of the per-image logs that published certification programs write.

Both have the tab-separated columns ``idx label predict radius correct time`` under a header; ``predict`` is -1 for an
abstention, whose radius is 0. In Cohen et al.'s, ``correct`` is 1 or 0 for the image; in the diffusion denoised
smoothing of Carlini et al. it is the number of correct images so far. Radii have three significant digits, so that the
largest may be printed above what was certified. Times are "h:mm:ss.ffffff", or seconds in some published files.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from trustdm.bench.errors import DataError, UsageError
from trustdm.bench.plainfiles import read_plain
from trustdm.bench.smoothing.accuracy import abstention, average_certified_radius, certified_accuracy
from trustdm.bench.types import Estimate

SHOWN: Final = 80
Kind = Literal["cohen", "denoised"]

HEADER: Final = ("idx", "label", "predict", "radius", "correct", "time")
COUNT: Final = re.compile(r"\d{1,15}")
LABEL: Final = re.compile(r"-1|\d{1,15}")
NUMBER: Final = re.compile(r"[+-]?(\d{1,30}\.?\d{0,30}|\.\d{1,30})(e[+-]?\d{1,4})?|nan|[+-]?inf", re.IGNORECASE)
CLOCK: Final = re.compile(r"(?:(\d{1,6}) days?, )?(\d{1,2}):(\d\d):(\d\d(?:\.\d{1,6})?)")
SECONDS: Final = re.compile(r"\d{1,12}(\.\d{1,20})?")
LARGEST: Final = 64 << 20
"""Bytes of the largest log that is read; 50,000 images are about 3 MB."""


@dataclass(frozen=True, eq=False)
class Log:
    """The records of one file, a column each (m,).

    ``index`` in the data set, ``label``, ``predicted`` (-1: abstained), ``radius`` as printed, ``rounding`` (half a
    unit of the last digit that is printed of it), ``correct`` (for the image, in both formats), ``seconds``; ``kind``
    the format that was found, ``missing`` how many images the file stops short of.
    """

    kind: Kind
    index: NDArray[np.int64]
    label: NDArray[np.int64]
    predicted: NDArray[np.int64]
    radius: NDArray[np.float64]
    rounding: NDArray[np.float64]
    correct: NDArray[np.bool_]
    seconds: NDArray[np.float64]
    missing: int = 0

    @property
    def least_radius(self) -> NDArray[np.float64]:
        """(m,) the least radius that is printed like this."""
        return np.maximum(self.radius - self.rounding, 0.0)


@dataclass(frozen=True, slots=True)
class LogSummary:
    """Certified accuracy at each radius of ``grid``, average certified radius, abstentions, mean seconds an image."""

    grid: tuple[float, ...]
    certified: tuple[Estimate, ...]
    average: Estimate
    abstained: Estimate
    seconds: float


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    index: int
    label: int
    predicted: int
    radius: float
    rounding: float
    correct: int
    seconds: float

    @property
    def hit(self) -> int:
        return int(self.predicted == self.label)


def read(path: Path, *, images: int | None = None, partial: bool = False, kind: Kind | None = None) -> Log:
    """The records of a log.

    Args:
        path: the file.
        images: how many images the data set has: tells whether the file goes on to the end, as its stride promises.
        partial: whether to take a file that is cut off all the same; ``missing`` then says how many rows it lacks.
        kind: the format, for files that fit both: none correct, or only the last.

    Raises:
        DataError: one line with file, line number, expected and got.
        UsageError: the file fits both formats, or not the one that ``kind`` names.
    """
    rows = _rows(path)
    stride = _check_order(path, rows)
    found = _kind(path, rows, kind)
    missing = _missing(path, rows, stride, images)
    if missing and not partial:
        span = f"idx from {rows[0].index} to {rows[-1].index}"
        raise DataError(
            f"{path}:{rows[-1].line}: expected {len(rows) + missing} rows (idx 0, {stride}, {2 * stride}, ...), "
            f"got {len(rows)} ({span}): the file is cut off; ask for a partial file to read it all the same"
        )
    return Log(
        kind=found,
        index=np.array([r.index for r in rows], dtype=np.int64),
        label=np.array([r.label for r in rows], dtype=np.int64),
        predicted=np.array([r.predicted for r in rows], dtype=np.int64),
        radius=np.array([r.radius for r in rows], dtype=np.float64),
        rounding=np.array([r.rounding for r in rows], dtype=np.float64),
        correct=np.array([r.hit for r in rows], dtype=bool),
        seconds=np.array([r.seconds for r in rows], dtype=np.float64),
        missing=missing,
    )


def summarise(log: Log, grid: Sequence[float]) -> LogSummary:
    """The scores of a log over the rows it has."""
    return LogSummary(
        grid=tuple(grid),
        certified=certified_accuracy(log.correct, log.radius, grid),
        average=average_certified_radius(log.correct, log.radius),
        abstained=abstention(log.predicted),
        seconds=float(log.seconds.mean()),
    )


def _rows(path: Path) -> list[_Row]:
    try:
        lines = read_plain(path, LARGEST).decode("utf-8").replace("\r\n", "\n").split("\n")
    except OSError as error:
        raise DataError(f"{path}: expected a readable log, got {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise DataError(f"{path}: expected a text file, got bytes that are not UTF-8") from None
    head = lines[0] if lines else ""
    if tuple(head.rstrip("\r").split("\t")) != HEADER:
        raise DataError(f"{path}:1: expected the tab-separated header {' '.join(HEADER)}, got {head[:80]!r}")
    while len(lines) > 1 and not lines[-1].strip():
        lines.pop()
    if len(lines) == 1:
        raise DataError(f"{path}:1: expected rows under the header, got none")
    return [_row(path, number, line) for number, line in enumerate(lines[1:], start=2)]


def _row(path: Path, number: int, line: str) -> _Row:
    cells = line.split("\t")
    if len(cells) != len(HEADER):
        raise DataError(
            f"{path}:{number}: expected {len(HEADER)} tab-separated fields, got {len(cells)}: {line[:80]!r}"
        )
    cells = [cell.strip() for cell in cells]
    formats = (COUNT, COUNT, LABEL, NUMBER, COUNT)
    expected = ("a whole number", "a whole number", "a label or -1", "a number", "a whole number")
    for name, cell, pattern, wanted in zip(HEADER, cells, formats, expected, strict=False):
        if not pattern.fullmatch(cell):
            raise DataError(f"{path}:{number}: {name}: expected {wanted}, got {cell[:SHOWN]!r}")
    index, label, predicted, correct = (int(cells[i]) for i in (0, 1, 2, 4))
    radius = float(cells[3])
    if not (math.isfinite(radius) and radius >= 0):
        raise DataError(f"{path}:{number}: radius: expected a finite number from 0, got {cells[3]!r}")
    if predicted < 0 and radius != 0:
        raise DataError(f"{path}:{number}: radius: expected 0 for an abstention (predict -1), got {cells[3]!r}")
    seconds, rounding = _seconds(path, number, cells[5]), _half_unit(cells[3])
    return _Row(number, index, label, predicted, radius, rounding, correct, seconds)


def _half_unit(text: str) -> float:
    """Half a unit of the last digit of a number as it is printed: .005 for 1.96, 5e-7 for 1.2e-05."""
    exponent = Decimal(text).as_tuple().exponent
    return 0.5 * 10.0 ** min(int(exponent), 300)


def _seconds(path: Path, number: int, text: str) -> float:
    if SECONDS.fullmatch(text):
        return float(text)
    clock = CLOCK.fullmatch(text)
    if clock is None or int(clock[3]) > 59 or float(clock[4]) >= 60:
        raise DataError(f"{path}:{number}: time: expected h:mm:ss.ffffff or seconds, got {text[:SHOWN]!r}")
    days, hours, minutes, seconds = clock.groups()
    return ((int(days or 0) * 24 + int(hours)) * 60 + int(minutes)) * 60 + float(seconds)


def _check_order(path: Path, rows: list[_Row]) -> int:
    """The distance of neighbouring indices, which must be one."""
    stride = rows[1].index - rows[0].index if len(rows) > 1 else 0
    seen: dict[int, int] = {}
    for before, row in zip([None, *rows], rows, strict=False):
        if row.index in seen:
            raise DataError(
                f"{path}:{row.line}: idx: expected each image once, got {row.index} as in line {seen[row.index]}"
            )
        seen[row.index] = row.line
        if before is not None and row.index - before.index != stride:
            raise DataError(
                f"{path}:{row.line}: idx: expected {before.index + stride} (stride {stride}), got {row.index}"
            )
    if stride < 0:
        raise DataError(
            f"{path}:{rows[1].line}: idx: expected rising indices, got {rows[1].index} after {rows[0].index}"
        )
    return stride


def _kind(path: Path, rows: list[_Row], wanted: Kind | None) -> Kind:
    """The format under which every ``correct`` agrees with ``predict`` and ``label``."""
    fits: dict[Kind, bool] = {"cohen": True, "denoised": True}
    running = 0
    for row in rows:
        running += row.hit
        values: dict[Kind, int] = {"cohen": row.hit, "denoised": running}
        still = {kind: fits[kind] and row.correct == value for kind, value in values.items()}
        if not any(still.values()):
            raise DataError(f"{path}:{row.line}: correct: {_both(row, values, fits)}, got {row.correct}")
        fits = still
    if wanted is not None:
        if not fits[wanted]:
            other = "denoised" if wanted == "cohen" else "cohen"
            raise UsageError(f"{path}: expected the format {wanted!r}, got {other!r}: its column correct says so")
        return wanted
    if all(fits.values()):
        raise UsageError(
            f"{path}:{rows[-1].line}: expected a column correct that is either 0 or 1 for each image (cohen) or a "
            f"running count (denoised), got one that is both; say which"
        )
    return "cohen" if fits["cohen"] else "denoised"


def _both(row: _Row, values: dict[Kind, int], fits: dict[Kind, bool]) -> str:
    kinds = " or ".join(f"{value} ({kind})" for kind, value in values.items() if fits[kind])
    mixed = "" if all(fits.values()) else " as in the lines above"
    return f"expected {kinds} for label {row.label} and predict {row.predicted}{mixed}"


def _missing(path: Path, rows: list[_Row], stride: int, images: int | None) -> int:
    """How many rows are missing before the first and, where the number of images is known, after the last."""
    first, last = rows[0], rows[-1]
    if images is not None and last.index >= images:
        raise DataError(f"{path}:{last.line}: idx: expected less than {images}, the images there are, got {last.index}")
    if stride == 0:
        return 0
    return first.index // stride + (0 if images is None else (images - 1 - last.index) // stride)
