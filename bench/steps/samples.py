"""A set of samples of a generator, made once and looked at by several evaluations."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from trustdm.bench.assets.spec import AssetSpec
from trustdm.bench.contracts import StepCard, step
from trustdm.bench.errors import SetupError, UsageError

if TYPE_CHECKING:
    from trustdm.bench.runner.step_job import StepJob

NAME = "samples"
CHUNK = 64
RULES = ("balanced", "random", "none")
QUANTISATION = ("round", "truncate")


def samples(count: int, steps: int, *, labels: str = "balanced", quantise: str = "round") -> AssetSpec:
    """``count`` images of the seeds 0, 1, ... of a cell, after ``steps`` steps, rounded to 8 bits.

    ``labels`` and ``quantise`` as in the table ``[generation]`` of a suite.

    Raises:
        UsageError: a count below 1, or a rule that is not known.
    """
    if count < 1 or steps < 1:
        raise UsageError(f"step {NAME}: expected a count and steps of at least 1, got {count} and {steps}")
    if labels not in RULES or quantise not in QUANTISATION:
        known = f"labels of {', '.join(RULES)} and quantise of {', '.join(QUANTISATION)}"
        raise UsageError(f"step {NAME}: expected {known}, got {labels!r} and {quantise!r}")
    return AssetSpec(NAME, {"count": count, "steps": steps, "labels": labels, "quantise": quantise})


@dataclass(frozen=True, eq=False)
class SampleSet:
    """``images`` uint8 (n, C, H, W); the class asked for (n,), -1 for none; network evaluations of each image (n,)."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    evaluations: NDArray[np.float64]


def read_samples(folder: Path) -> SampleSet:
    """The samples of an asset's folder (``Job.asset``), in the order of their seeds.

    Raises:
        SetupError: the folder holds something else, which is no fault of the method that is measured by them.
    """
    names = sorted(folder.glob("*.npz"))
    if not names:
        raise SetupError(f"{folder}: expected samples in files *.npz, got none")
    parts = [_arrays(path) for path in names]
    return SampleSet(*(np.concatenate([part[key] for part in parts]) for key in ("images", "labels", "evaluations")))


def _arrays(path: Path) -> Mapping[str, NDArray[Any]]:
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            return {name: file[name] for name in ("images", "labels", "evaluations")}
    except (OSError, EOFError, ValueError, KeyError, TypeError, BadZipFile) as error:
        raise SetupError(f"{path}: expected a file of samples, got {type(error).__name__}: {error}") from error


@step(
    StepCard(
        name=NAME,
        version="2",
        summary="8-bit images of a list of seeds, with the network evaluations that each took",
        capability="sample",
    )
)
def make(job: StepJob) -> None:
    """Samples chunk by chunk; a chunk that is there is not made again, and no chunk depends on those before it."""
    from trustdm.bench.features.quantise import quantised
    from trustdm.bench.method import seeded
    from trustdm.bench.targets.sample import GeneratorTarget
    from trustdm.bench.targets.seeds import labels_of, seeds_of

    count, steps = int(str(job.params["count"])), int(str(job.params["steps"]))
    source = GeneratorTarget(job.method.thing, job.method.call, job.card, job.meter, job.device)
    for start in range(0, count, CHUNK):
        path = job.files / f"{start:08d}.npz"
        if path.is_file():
            continue
        seeds = seeds_of(np.arange(start, min(start + CHUNK, count)), job.seed)
        rule = str(job.params["labels"])
        labels = labels_of(seeds, rule, job.card.classes) if job.card.classes else None
        with seeded(job.key, start):
            images, passes = source(seeds, labels, steps)
        _save(
            path,
            job.state,
            SampleSet(
                images=quantised(images, str(job.params["quantise"])).cpu().numpy(),
                labels=np.full(len(seeds), -1) if labels is None else labels,
                evaluations=np.full(len(seeds), passes / len(seeds)),
            ),
        )
        job.saved()
    _write_facts(job, count, steps)


def _save(path: Path, state: Path, part: SampleSet) -> None:
    """Written beside the asset and put in place at once, so that a kill leaves no half of a chunk."""
    unfinished = state / path.name
    with unfinished.open("wb") as file:
        np.savez(file, images=part.images, labels=part.labels, evaluations=part.evaluations)
    unfinished.replace(path)


def _write_facts(job: StepJob, count: int, steps: int) -> None:
    facts = {"method": job.card.name, "count": count, "steps": steps}
    (job.files / "samples.json").write_text(json.dumps(facts, sort_keys=True) + "\n", encoding="utf-8")
