"""``trustdm reference``: what a suite's extractor sees in real images, written where the suite looks for it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from trustdm.bench import plugins
from trustdm.bench.contracts import ExtractorCard
from trustdm.bench.data.images import read_folder
from trustdm.bench.errors import UsageError
from trustdm.bench.features.extract import frozen
from trustdm.bench.features.reference import Reference, build_reference, floor, write_reference
from trustdm.bench.hashing import sha256_of
from trustdm.bench.plugins import load_suite
from trustdm.bench.registry import Registry
from trustdm.bench.suite.data import open_data
from trustdm.bench.suite.load import Suite
from trustdm.bench.tasks.generation.task import DATA, generation

KEPT = 10_000
"""Up to this many images their features are kept beside their moments: KID, precision and recall need them."""


def run(
    name: str, images: Path | None, out: Path | None, files: tuple[Path, ...], say: Callable[[str], None] = print
) -> int:
    """Builds the reference of a suite, from its data set or from a folder of images, and prints its hash."""
    suite = load_suite(name)
    table = generation(suite)
    target = out or _place(suite, table.reference)
    registry = plugins.load(files).checked().registry
    reference = _from_folder(suite, registry, images, say) if images else _from_data(suite, registry, say)
    sha256 = write_reference(reference, target)
    say(f"{target}  sha256 {sha256}")
    if table.reference_sha256 is not None:
        same = table.reference_sha256 == sha256
        words = (
            "the reference that the suite names" if same else "not the reference that the suite names, which refuses it"
        )
        say(words)
    if (real := floor(reference, table.set)) is not None:
        say(f"held-out real images, {real.n:,} of them: {real.value:.4g} (standard error {real.se:.2g})")
    return 0


def _place(suite: Suite, name: str) -> Path:
    if not os.environ.get(DATA):
        raise UsageError(f"{suite.name}: expected ${DATA}, the folder for data, or --out FILE, got neither")
    return Path(os.environ[DATA]) / name


def _extractor(suite: Suite, registry: Registry) -> tuple[Any, ExtractorCard]:
    entry = registry.get("extractor", generation(suite).extractor)
    return frozen(entry, "cpu"), cast(ExtractorCard, entry.card)


def _from_data(suite: Suite, registry: Registry, say: Callable[[str], None]) -> Reference:
    if suite.data.splits is None:
        raise UsageError(f"{suite.name}: expected --images FOLDER: its images come with no data set of ours, got none")
    data = open_data(suite, registry)
    say(f"{len(suite.train):,} images of {suite.data.dataset}, and {len(suite.test):,} held out")
    lists = {"train": suite.train.tolist(), "test": suite.test.tolist()}
    return build_reference(
        *_extractor(suite, registry),
        data.read(suite.train)[0],
        held_out=data.read(suite.test),
        split=sha256_of({"data": data.digest(), **lists}),
        quantisation=_quantise(suite),
        keep=len(suite.train) <= KEPT,
    )


def _from_folder(suite: Suite, registry: Registry, folder: Path, say: Callable[[str], None]) -> Reference:
    images = read_folder(folder, suite.data.shape)
    say(f"{len(images):,} images of {folder}")
    return build_reference(
        *_extractor(suite, registry), images, quantisation=_quantise(suite), keep=len(images) <= KEPT
    )


def _quantise(suite: Suite) -> str:
    return generation(suite).quantise
