"""A row of a board: what is said about one method on one suite."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

from trustdm.bench.conforms import Status
from trustdm.bench.summary.further import FurtherResult
from trustdm.bench.summary.marks import Completeness, Currency
from trustdm.bench.types import Cost, Estimate, Origin, Verification


@dataclass(frozen=True)
class Row:
    """What a board says about one method, version, parameters, weights, suite version and seed, measured in one lab.

    ``params`` are all parameters of the method, ``shown`` those that tell the variant (``summary.parameters``).
    ``metrics`` has no entry where there is nothing to show: no cell, no example that counts, or a verdict missing.
    ``n`` counts examples with records in the evaluation of the ranking metric (without one: in the evaluation that
    has fewest). ``rank_low`` and ``rank_high`` are None, group and test empty, where a row is not ranked;
    ``caveat`` says why. ``own`` is False for a row that was imported: another store, ``lab``, called ``lab_name`` here,
    measured it. ``comparison`` is the verdict against the best row of the group (``summary.comparison``), empty for
    that one; ``separable`` the least difference that the group could separate. ``broken`` is what kept a row from being
    summed up, as its caveat says too; empty for every other row. ``conformance`` is how its method did in conformance
    checks (``bench.conforms``), ``failed_checks`` the names of those that failed. ``further`` are the results of
    evaluations that the suite does not list (an attack from outside); by those that count, ``metrics`` have fallen
    already, with the credit in their ``detail``.
    """

    method: str
    method_version: str
    params: tuple[tuple[str, object], ...]
    suite: str
    suite_version: int
    seed: int
    origin: Origin
    currency: Currency
    completeness: Completeness
    verification: Verification
    flags: tuple[str, ...]
    metrics: dict[str, Estimate]
    rank_low: int | None
    rank_high: int | None
    rank_group: str
    rank_test: str
    cost: Cost
    n: int
    planned: int
    card: dict[str, object]
    cells: tuple[int, ...]
    errors: tuple[str, ...]
    shown: tuple[tuple[str, object], ...] = ()
    lab: str = ""
    own: bool = True
    lab_name: str = ""
    weights: tuple[str, ...] = ()
    caveat: str = ""
    comparison: str = ""
    separable: float | None = None
    broken: str = ""
    conformance: Status = "not run"
    failed_checks: tuple[str, ...] = ()
    further: tuple[FurtherResult, ...] = ()

    @property
    def fell_by(self) -> tuple[FurtherResult, ...]:
        """Those further results by which a metric has fallen."""
        return tuple(result for result in self.further if result.lowers)

    @property
    def measured_by(self) -> str:
        """Whose measurement it is, in words: "here", the name of the lab, or "lab" and the first digits of its id."""
        return "here" if self.own else self.lab_name or f"lab {self.lab[:8]}"

    def as_json(self) -> dict[str, object]:
        """The row as plain JSON values; costs in seconds, images and bytes."""
        return {
            "method": self.method,
            "version": self.method_version,
            "params": dict(self.params),
            "shown": dict(self.shown),
            "weights": list(self.weights),
            "lab": self.lab,
            "lab_name": self.lab_name,
            "imported": not self.own,
            "suite": self.suite,
            "suite_version": self.suite_version,
            "seed": self.seed,
            "origin": self.origin.value,
            "currency": self.currency,
            "completeness": self.completeness,
            "verification": self.verification.value,
            "flags": list(self.flags),
            "rank_low": self.rank_low,
            "rank_high": self.rank_high,
            "rank_group": self.rank_group,
            "rank_test": self.rank_test,
            "caveat": self.caveat,
            "conformance": self.conformance,
            "failed_checks": list(self.failed_checks),
            "comparison": self.comparison,
            "separable": self.separable,
            "cost": {
                "wall_s": self.cost.wall,
                "device_s": self.cost.device,
                "forwards": self.cost.forwards,
                "gradients": self.cost.gradients,
                "memory_bytes": self.cost.memory,
            },
            "n": self.n,
            "planned": self.planned,
            "errors": list(self.errors),
            "further": [result.as_json() for result in self.further],
            "metrics": {name: _plain(estimate) for name, estimate in self.metrics.items()},
        }


def _plain(estimate: Estimate) -> dict[str, object]:
    """An infinite end of an interval (one example says nothing about a mean) is null, for JSON has no infinity."""
    ends = {name: end if math.isfinite(end) else None for name, end in (("low", estimate.low), ("high", estimate.high))}
    return {name: ends.get(name, value) for name, value in asdict(estimate).items() if name != "detail" or value}
