"""The extractor of a suite: the plugin it names, with the weights and the reference that it was made with."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from trustdm.bench.contracts import ExtractorCard
from trustdm.bench.errors import DataError, SuiteError, WeightsError
from trustdm.bench.features.extract import Extractor, load_extractor
from trustdm.bench.features.reference import check_extractor, read_reference
from trustdm.bench.hashing import sha256_file
from trustdm.bench.registry import Registry
from trustdm.bench.tasks.generation.task import generation, reference_file

if TYPE_CHECKING:
    from trustdm.bench.suite.load import Suite


def suite_extractor(suite: Suite, registry: Registry, device: str) -> Extractor:
    """The extractor of ``suite``, frozen, on ``device``.

    Raises:
        WeightsError: its weights are not those the suite was made with.
        DataError: the reference is missing, or is not the one the suite names.
        SuiteError: it is not made for images of the suite's shape.
    """
    entry = registry.get("extractor", generation(suite).extractor)
    card = cast(ExtractorCard, entry.card)
    if card.shape not in (None, suite.data.shape):
        raise SuiteError(suite.source, "generation.extractor", f"one for images {suite.data.shape}", card.shape)
    _check_hashes(suite, card)
    check_extractor(read_reference(reference_file(suite)), card, generation(suite).quantise)
    return load_extractor(entry, device)


def _check_hashes(suite: Suite, card: ExtractorCard) -> None:
    table, weights = generation(suite), [w.sha256 for w in card.weights]
    if table.extractor_sha256 is not None and table.extractor_sha256 not in weights:
        raise WeightsError(
            f"{suite.name}: extractor {card.name}: expected weights with SHA-256 {table.extractor_sha256}, got one "
            f"with {', '.join(weights) or 'none'}; distances under another extractor are another metric: give "
            "the suite a new version, or restore the extractor"
        )
    path = reference_file(suite)
    if table.reference_sha256 is not None and (got := sha256_file(path)) != table.reference_sha256:
        raise DataError(
            f"{path}: expected the reference of {suite.name} with SHA-256 {table.reference_sha256}, got {got}; "
            f"restore the file, or make it again with `trustdm reference {suite.name}`"
        )
