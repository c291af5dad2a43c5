"""What travels between the runner and whoever computes: plain, picklable, torch-free."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from trustdm.bench.assets.folder import Asset
from trustdm.bench.conforms import CheckOutcome
from trustdm.bench.plan import PlannedCell
from trustdm.bench.tasks.protocol import BlockResult
from trustdm.bench.types import Block, Cost


@dataclass(frozen=True)
class Settings:
    """How to compute: nothing here may move a number by more than float tolerance.

    ``batch_size`` 0 means the whole block at once. ``assets`` is the folder of prepared assets.
    """

    device: str = "cpu"
    batch_size: int = 0
    plugins: tuple[Path, ...] = ()
    assets: Path = Path("results/assets")


@dataclass(frozen=True)
class Unit:
    """One block of one cell to compute, or (``checks``) the conformance checks of its method, which come before the
    block; ``attempt`` counts from 1."""

    cell: PlannedCell
    block: Block
    attempt: int = 1
    checks: bool = False


Outcome = Literal["done", "failed", "machine", "setup", "bug", "overdue"]


@dataclass(frozen=True)
class UnitResult:
    """What became of a unit; ``state`` describes the loaded method (``runner.fingerprint``), empty if it was not
    loaded; ``assets`` are those that it was computed from. ``outcomes`` are those of a unit of checks.

    "done"; "failed": the method broke its contract (a record); "machine": out of memory or a killed worker (tried
    again); "setup": the method or its data cannot be loaded, so nothing of its cell can run; "bug": an exception of
    ours, with its traceback in ``error``; "overdue": it was given up because it took too long (no record).
    """

    unit: Unit
    outcome: Outcome
    result: BlockResult | None = None
    cost: Cost = field(default_factory=Cost)
    batch_size: int = 0
    device: str = ""
    error: str = ""
    state: str = ""
    assets: Mapping[str, Asset] = field(default_factory=dict)
    outcomes: tuple[CheckOutcome, ...] = ()


@dataclass(frozen=True)
class CellEstimate:
    """What is left of a cell: at most that many passes, and about that many seconds on one worker."""

    cell: PlannedCell
    blocks: int
    examples: int
    forwards: int
    gradients: int
    seconds: float | None
    memory: int
    problem: str = ""


Overdue = Callable[[Unit, float, bool], str]
"""Why a unit is to be given up after so many seconds, of loading and preparing, or (True) of its block; else empty."""


def never(unit: Unit, seconds: float, begun: bool) -> str:
    """An ``Overdue`` that waits for ever."""
    return ""


class Backend(Protocol):
    """Where units are computed. Another backend (a cluster, say) needs only these three methods.

    It takes units when it has room for them and yields results in any order; closing the iterator stops it. It knows
    nothing of methods, evaluations or the store.
    """

    def run(self, units: Iterable[Unit], stopping: Callable[[], bool], overdue: Overdue) -> Iterator[UnitResult]:
        """Computes ``units`` until they are used up, or until ``stopping`` answers True; yields what was finished.

        A backend that can end the computation of a unit asks ``overdue`` now and then, and gives up where it says why.
        """
        ...

    def abandon(self) -> None:
        """Ends what is being computed, at once; ``run`` then yields nothing more. Any thread may call it."""
        ...

    def give_way(self) -> None:
        """Called by a signal handler in the thread that computes, so that a backend in this thread can end, too."""
        ...
