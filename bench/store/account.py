"""What is said of a cell, by a run file or by a store, in the form in which it is examined; and what is found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from trustdm.bench.foreign import line
from trustdm.bench.records import CellResult, Records, total_cost
from trustdm.bench.store.rows import BlockRow, RunRow
from trustdm.bench.types import Block, CellIdentity, Origin

Kind = Literal["fault", "doubt", "unchecked"]


@dataclass(frozen=True)
class Finding:
    """Something about a cell or a run: a "fault" cannot be, a "doubt" is unlikely, "unchecked" could not be told here.

    ``block`` is the one that it is about (None: the whole), ``part`` the value in it ("cost", "identity.seed"; empty:
    all of it), ``words`` one line.
    """

    kind: Kind
    words: str
    part: str = ""
    block: Block | None = None

    def at(self, where: str, apart: str = ".") -> str:
        """The line to print; ``where`` is the place of what was examined, ``apart`` what stands before the part."""
        return f"{where}{apart if self.part else ''}{self.part}: {self.words}"


def fault(part: str, expected: str, got: object, block: Block | None = None) -> Finding:
    """What cannot be, as expected and got."""
    return Finding("fault", f"expected {expected}, got {_short(got)}", part, block)


def _short(value: object, most: int = 80) -> str:
    """A stranger's value in one line, without characters that a terminal would act on."""
    return line(str(value), most)


@dataclass(frozen=True, eq=False)
class BlockAccount:
    """A block; ``array(name)`` reads an array that was kept with it (None: there is none of that name), ``names`` are
    all that there are."""

    row: BlockRow
    records: Records
    diagnostics: Mapping[str, float]
    array: Callable[[str], NDArray[Any] | None]
    names: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class CellAccount:
    """A cell with its blocks, in their order, and the runs that computed these, by id."""

    identity: CellIdentity
    planned: int
    origin: Origin
    created: str
    card: Mapping[str, object]
    suite_content: str
    blocks: tuple[BlockAccount, ...]
    runs: Mapping[str, RunRow] = field(default_factory=dict)

    def result(self) -> CellResult:
        """The cell as the summary looks at one."""
        diagnostics: dict[str, float] = {}
        for block in self.blocks:
            for name, value in block.diagnostics.items():
                diagnostics[name] = diagnostics.get(name, 0.0) + value
        return CellResult(
            id=0,
            identity=self.identity,
            planned=self.planned,
            card=dict(self.card),
            records=lambda: Records.concat(block.records for block in self.blocks),
            cost=total_cost([block.row.cost for block in self.blocks]),
            untimed=sum(block.row.status == "done" and block.row.cost.wall <= 0 for block in self.blocks),
            origin=self.origin,
            own=False,
            diagnostics=diagnostics,
            arrays=self._array,
        )

    def _array(self, name: str) -> NDArray[Any] | None:
        """The arrays of that name, end to end; None where a block that is done has none."""
        found = [block.array(name) for block in self.blocks if block.row.status == "done"]
        kept = [array for array in found if array is not None]
        return np.concatenate(kept) if kept and len(kept) == len(found) else None
