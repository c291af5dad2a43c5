"""Reads the records of a block back from a run file: what ``runformat`` wrote of each probe, one line each."""

from __future__ import annotations

import re

import numpy as np

from trustdm.bench.records import Records
from trustdm.bench.store import runformat
from trustdm.bench.store.fields import Field

STATUSES = {letter: int(status) for status, letter in runformat.LETTERS.items()}


def parse(field: Field, examples: list[int]) -> Records:
    """The records of a block from the list of its probes; row i of each belongs to ``examples[i]``.

    Raises:
        RunFileError: a column of another length, a value out of range, a probe and draw twice, no probe at all.
    """
    parts: dict[tuple[str, int], Records] = {}
    for item in field.items():
        part = item.of(("probe", "draw", "status", "label", "value", "norm"))
        probe, draw = part["probe"].text(), part["draw"].integer()
        if (probe, draw) in parts:
            raise item.error("each probe and draw once", f"{probe!r}, draw {draw} again")
        labels = _column(part["label"], len(examples))
        parts[probe, draw] = Records.of(
            probe,
            examples,
            _statuses(part["status"], len(examples)),
            draw=draw,
            label=[-1 if f is None else f.integer() for f in labels],
            value=[_number(f) for f in _column(part["value"], len(examples))],
            norm=[_number(f, 0.0) for f in _column(part["norm"], len(examples))],
        )
    if not parts:
        raise field.error("at least one probe")
    return Records.concat(parts.values())


def _statuses(field: Field, length: int) -> list[int]:
    letters = "".join(STATUSES)
    text = field.text(f"[{re.escape(letters)}]{{{length}}}", f"{length} letters of {letters!r}")
    return [STATUSES[letter] for letter in text]


def _column(field: Field, length: int) -> list[Field | None]:
    return [None] * length if field.value is None else [f.or_none() for f in field.items(length)]


def _number(field: Field | None, low: float = -np.inf) -> float:
    if field is None:
        return float("nan")
    if field.value in ("inf", "-inf"):
        return Field(float(str(field.value)), field.where).number(low)
    return field.number(low)
