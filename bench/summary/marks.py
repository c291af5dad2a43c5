"""The marks of a row: which cells make it up, whether it is current, full, verified."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from trustdm.bench.hashing import canonical_json
from trustdm.bench.records import CellResult
from trustdm.bench.summary.cell import on_suite
from trustdm.bench.summary.facts import CellFacts
from trustdm.bench.summary.parameters import parameters
from trustdm.bench.types import Origin, Verification

if TYPE_CHECKING:
    from trustdm.bench.suite.load import Suite

Currency = Literal["current", "stale", "superseded"]
Completeness = Literal["full", "preview"]


def grouped(results: Iterable[CellResult]) -> list[tuple[int, list[CellResult]]]:
    """The cells of each row, oldest first, with the layer they lie in: 0 on top, more where newer cells lie above.

    A row is one lab, origin, method, version, parameters, weights, suite version and digest, and seed. Where it has an
    evaluation twice (the protocol was revised, say) the newest cell is on top and the others lie below.
    """
    layers: dict[tuple[int, tuple[object, ...]], list[CellResult]] = defaultdict(list)
    depth: dict[tuple[object, ...], int] = defaultdict(int)
    for result in sorted(results, key=lambda r: (r.superseded, -r.id)):
        key, evaluation = row_key(result), result.identity.evaluation
        layer = max(depth[key, evaluation], int(result.superseded))
        depth[key, evaluation] = layer + 1
        layers[layer, key].append(result)
    return [(layer, sorted(cells, key=lambda r: r.id)) for (layer, _), cells in layers.items()]


Facts = Callable[[CellResult], CellFacts]
Cells = list[CellResult]


def currencies(suite: Suite, groups: Sequence[tuple[int, Cells]], facts: Facts) -> list[Currency]:
    """The currency of each row that ``grouped`` returned.

    Superseded: cells that a correction or a newer cell replaced; on the suite as it is now, also a version or weights
    of a method after which another version or other weights were measured, by the same lab with the same parameters and
    seed, at least as completely: eight examples of version 2 say nothing about the 600 of version 1. Stale: measured on
    another version or digest of the suite.
    """
    live: dict[tuple[object, ...], list[Cells]] = defaultdict(list)
    for layer, cells in groups:
        if layer == 0 and on_suite(suite, cells[0]):
            live[_version_key(cells[0])].append(cells)

    def currency(layer: int, cells: Cells) -> Currency:
        if layer > 0:
            return "superseded"
        if not on_suite(suite, cells[0]):
            return "stale"
        later = (other for other in live[_version_key(cells[0])] if other[-1].id > cells[-1].id)
        return "superseded" if any(_covers(other, cells, facts) for other in later) else "current"

    return [currency(layer, cells) for layer, cells in groups]


def _covers(newer: Cells, older: Cells, facts: Facts) -> bool:
    """Whether every evaluation of ``older`` has as many examples in ``newer`` or more, those on which the method failed
    not counted: a failed trial replaces nothing."""
    extents = {cell.identity.evaluation: facts(cell).answered for cell in newer}
    return all(extents.get(cell.identity.evaluation, -1) >= facts(cell).examples for cell in older)


def completeness(suite: Suite, cells: Mapping[str, tuple[CellResult, CellFacts]]) -> Completeness:
    """Full where every evaluation of the suite (``cells`` by evaluation) is whole (``CellView.whole``)."""
    if all(on_suite(suite, r) and r.origin is not Origin.REPORTED for r, _ in cells.values()):
        whole = all(name in cells and cells[name][1].whole for name in suite.evaluations)
    else:
        whole = all(facts.whole for _, facts in cells.values())
    return "full" if whole else "preview"


def verification(results: Iterable[CellResult]) -> Verification:
    """The weakest word of the cells: one that was not reproduced decides, and all must be verified to say so."""
    said = {r.verification for r in results}
    if Verification.NOT_REPRODUCED in said:
        return Verification.NOT_REPRODUCED
    return Verification.VERIFIED if said == {Verification.VERIFIED} else Verification.UNVERIFIED


def row_key(result: CellResult) -> tuple[object, ...]:
    """What the cells of a row have in common."""
    it = result.identity
    return (*_variant_key(result), it.weights, it.randomness, it.suite_version, it.suite_digest, it.seed)


def _variant_key(result: CellResult) -> tuple[object, ...]:
    it = result.identity
    return result.lab, result.origin, it.method, it.method_version, canonical_json(parameters(result).full)


def _version_key(result: CellResult) -> tuple[object, ...]:
    """What rows have in common that differ in version, weights or randomness. A version may have further parameters:
    only what was chosen counts."""
    it = result.identity
    return result.lab, result.origin, it.method, canonical_json(parameters(result).shown), it.seed
