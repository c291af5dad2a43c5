"""What cannot be in a handed-in set of generated images: features, classes, pixels, passes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import numpy as np

from trustdm.bench.contracts import ExtractorCard
from trustdm.bench.targets.seeds import labels_of, seeds_of
from trustdm.bench.tasks.claim import Claim, ClaimedBlock, Contradiction
from trustdm.bench.tasks.generation.flags import HALF
from trustdm.bench.tasks.generation.protocol import GALLERY, PROBE
from trustdm.bench.tasks.generation.task import generation
from trustdm.bench.types import Status

OURS = "generation"
PASSES = "passes "
"""How the counts begin of the images that went through each network."""


def contradictions(claim: Claim) -> Iterator[Contradiction]:
    """What cannot be in a cell of this task's own protocol."""
    if claim.identity.protocol != OURS or claim.reported:
        return
    for block in claim.blocks:
        yield from _records(block, claim)
        yield from _features(block, claim)
        yield from _samples(block, claim)


def _records(block: ClaimedBlock, claim: Claim) -> Iterator[Contradiction]:
    """Each image is of the class that was asked for, and took the network evaluations that were counted."""
    rows, card, classes = block.rows(PROBE), claim.card, claim.suite.data.classes
    if block.records.draw.any() or (block.records.status != Status.MADE).any():
        yield block.wrong("records", "expected one image of each seed, made, got others")
        return
    seeds = seeds_of(rows.example, claim.identity.seed)
    asked = labels_of(seeds, generation(claim.suite).labels, classes) if card.classes else None
    expected = np.full(len(rows), -1) if asked is None else asked
    if (rows.label != expected).any():
        at = int(np.argmax(rows.label != expected))
        words = f"label of example {rows.example[at]}: expected {_class(expected[at])}, got {_class(rows.label[at])}"
        yield block.wrong("records", words)
    counted = sum(value for name, value in block.diagnostics.items() if name.startswith(PASSES))
    if abs(counted - float(rows.value.sum())) > HALF:
        words = f"expected values that add up to the {counted:g} passes of the block, got {rows.value.sum():g}"
        yield block.wrong("records", words)


def _features(block: ClaimedBlock, claim: Claim) -> Iterator[Contradiction]:
    """Finite numbers, as many as the extractor has, in the precision that it rounds to."""
    features, size = block.array("features"), len(block.positions)
    name = generation(claim.suite).extractor
    if name not in claim.registry.names("extractor"):
        return
    card = cast(ExtractorCard, claim.registry.get("extractor", name).card)
    expected = f"{card.precision} ({size}, {card.dimension}), as {name} gives"
    if features is None or features.dtype != np.dtype(card.precision) or features.shape != (size, card.dimension):
        got = "none" if features is None else f"{features.dtype} {features.shape}"
        yield block.wrong("artefacts", f"features: expected {expected}, got {got}")
    elif not np.isfinite(features).all():
        yield block.wrong("artefacts", "features: expected finite numbers, got NaN or infinity")


def _samples(block: ClaimedBlock, claim: Claim) -> Iterator[Contradiction]:
    """The images that a page shows: 8 bits, of the suite's shape, the first ones of the cell."""
    images, shape = block.array("samples"), claim.suite.data.shape
    if images is None:
        return
    most = max(0, min(GALLERY - block.block.start, len(block.positions)))
    if images.dtype != np.uint8 or images.shape != (most, *shape):
        got = f"{images.dtype} {images.shape}"
        yield block.wrong("artefacts", f"samples: expected uint8 {(most, *shape)}, got {got}")


def _class(label: int) -> str:
    return "no class" if label < 0 else f"class {label}"
