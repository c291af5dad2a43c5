"""The marks of a row: which cells make it up, whether it is current, full, verified, and what it is flagged with."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from trustdm.bench.hashing import canonical_json
from trustdm.bench.records import CellResult
from trustdm.bench.tasks.robustness.verdicts import CLEAN, Verdicts, complete, survival
from trustdm.bench.types import Origin, Status, Verification

if TYPE_CHECKING:
    from trustdm.bench.suite.load import Suite

Currency = Literal["current", "stale", "superseded"]
Completeness = Literal["full", "preview"]
SQUARE_MARGIN = 0.002
"""By how much Square must lower survival before a board warns; the margin AutoAttack uses (Croce and Hein 2020)."""


def grouped(results: Iterable[CellResult]) -> list[tuple[int, list[CellResult]]]:
    """The cells of each row, oldest first, with the layer they lie in: 0 on top, more where newer cells lie above.

    A row is one lab, origin, method, version, parameters, weights, suite version and digest, and seed. Where it has an
    evaluation twice (the protocol was revised, say) the newest cell is on top and the others lie below.
    """
    layers: dict[tuple[int, tuple[object, ...]], list[CellResult]] = defaultdict(list)
    depth: dict[tuple[object, ...], int] = defaultdict(int)
    for result in sorted(results, key=lambda r: (r.superseded, -r.id)):
        key, evaluation = _row_key(result), result.identity.evaluation
        layer = max(depth[key, evaluation], int(result.superseded))
        depth[key, evaluation] = layer + 1
        layers[layer, key].append(result)
    return [(layer, sorted(cells, key=lambda r: r.id)) for (layer, _), cells in layers.items()]


def currencies(suite: Suite, groups: Sequence[tuple[int, list[CellResult]]]) -> list[Currency]:
    """The currency of each row that ``grouped`` returned.

    Superseded: cells that a correction or a newer cell replaced; on the suite as it is now, also a version of the
    method other than the one measured last (greatest cell id), and weights other than those measured last with the
    same version and parameters. Stale: measured on another version or digest of the suite.
    """
    newest: dict[object, object] = {}
    live = [c for layer, cells in groups if layer == 0 and on_suite(suite, cells[0]) for c in cells]
    for cell in sorted(live, key=lambda c: c.id):
        newest[cell.lab, cell.origin, cell.identity.method] = cell.identity.method_version
        newest[_variant_key(cell)] = cell.identity.weights

    def currency(layer: int, cell: CellResult) -> Currency:
        if layer > 0:
            return "superseded"
        if not on_suite(suite, cell):
            return "stale"
        version, weights = newest[cell.lab, cell.origin, cell.identity.method], newest[_variant_key(cell)]
        latest = (version, weights) == (cell.identity.method_version, cell.identity.weights)
        return "current" if latest else "superseded"

    return [currency(layer, cells[0]) for layer, cells in groups]


def on_suite(suite: Suite, result: CellResult) -> bool:
    """Whether a cell was measured on the suite as it is now."""
    return (result.identity.suite_version, result.identity.suite_digest) == (suite.version, suite.digest)


def completeness(suite: Suite, cells: Mapping[str, tuple[CellResult, Verdicts]]) -> Completeness:
    """Full where every evaluation of the suite (``cells`` by evaluation) has the whole test list for every draw.

    Of a suite as it once was only the length of its list is known: there every cell must have that many examples.
    """
    if all(on_suite(suite, r) and r.origin is not Origin.REPORTED for r, _ in cells.values()):
        whole = all(name in cells and complete(cells[name][1], suite.positions(name)) for name in suite.evaluations)
    else:
        whole = all(
            len(np.unique(table.example)) >= result.planned and complete(table, table.example)
            for result, table in cells.values()
        )
    return "full" if whole else "preview"


def verification(results: Iterable[CellResult]) -> Verification:
    """The weakest word of the cells: one that was not reproduced decides, and all must be verified to say so."""
    said = {r.verification for r in results}
    if Verification.NOT_REPRODUCED in said:
        return Verification.NOT_REPRODUCED
    return Verification.VERIFIED if said == {Verification.VERIFIED} else Verification.UNVERIFIED


def flags(card: Mapping[str, object], cells: Iterable[tuple[CellResult, Verdicts]]) -> tuple[str, ...]:
    """What a reader must know about a row, as a sorted tuple of short words.

    From the card: "block-seeded" or "keyed-noise", "gradient-..." unless exact, "external-data", "generated-data",
    "selection-data". From the records: "failures", "missing-verdicts", "square-helps". From the checks of any cell:
    "randomized", "probabilities", "zero-gradients", "optimises-at-test-time" (with "square-helps" AutoAttack's five
    warnings, Croce and Hein 2020), "projected" (an attack left the budget), "data-unverified",
    "cut-off" (a published log that ends early).
    """
    pairs = list(cells)
    found = set(_of_card(card))
    for result, table in pairs:
        found |= {name for name, says in _CHECKS.items() if says(result.diagnostics)}
        found |= _of_table(table)
    return tuple(sorted(found))


def _of_card(card: Mapping[str, object]) -> Iterable[str]:
    randomness, gradient = card.get("randomness", "none"), card.get("gradient", "exact")
    if randomness != "none":
        yield "randomized"
        yield "keyed-noise" if randomness == "keyed" else str(randomness)
    if gradient != "exact":
        yield f"gradient-{gradient}"
    for kind in ("external", "generated", "selection"):
        if card.get(f"{kind}_data"):
            yield f"{kind}-data"


def _of_table(table: Verdicts) -> set[str]:
    failed = bool(np.any(table.status == Status.FAILED))
    missing = survival(table, "", "wrong") is None
    found = {"failures": failed, "missing-verdicts": missing, "square-helps": _square_helps(table)}
    return {name for name, says in found.items() if says}


def _square_helps(table: Verdicts) -> bool:
    """Whether Square breaks what the attacks before it left, over the set."""
    before = table.probes[: table.probes.index("square")] if "square" in table.probes else ()
    if not set(before) - {CLEAN}:
        return False
    left, after = survival(table, before[-1], "wrong"), survival(table, "square", "wrong")
    if left is None or after is None or not len(left.mean):
        return False
    return float(left.mean.mean() - after.mean.mean()) > SQUARE_MARGIN + 1e-12


def _positive(name: str) -> Callable[[Mapping[str, float]], bool]:
    return lambda counts: counts.get(name, 0) > 0


_CHECKS: dict[str, Callable[[Mapping[str, float]], bool]] = {
    "randomized": _positive("randomized_rows"),
    "probabilities": lambda counts: counts.get("probability_rows", -1) == counts.get("checked_rows", 0) > 0,
    "zero-gradients": _positive("zero_gradient_rows"),
    "optimises-at-test-time": _positive("test_time_optimisation"),
    "projected": _positive("projected_rows"),
    "data-unverified": _positive("unverified_rows"),
    "cut-off": _positive("missing_rows"),
}


def _row_key(result: CellResult) -> tuple[object, ...]:
    it = result.identity
    return (*_variant_key(result), it.weights, it.randomness, it.suite_version, it.suite_digest, it.seed)


def _variant_key(result: CellResult) -> tuple[object, ...]:
    it = result.identity
    return result.lab, result.origin, it.method, it.method_version, canonical_json(it.method_params)
