"""What a suite of generators asks, in words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from trustdm.bench.contracts import ExtractorCard
from trustdm.bench.suite.load import Suite
from trustdm.bench.suite.models import MetricSpec
from trustdm.bench.summary.row import Row
from trustdm.bench.tasks.generation.task import INCEPTION, generation
from trustdm.bench.types import Estimate
from trustdm.leaderboard import imagewords, text
from trustdm.leaderboard.boardview import WAYS, FactWords, listed

FRECHET, EVALUATIONS = "frechet", "evaluations"
DISTANCE, FID = "Fréchet distance", "FID"
KINDS = {
    "balanced": "Class-conditional generation",
    "random": "Class-conditional generation",
    "none": "Unconditional generation",
}
LABELS = {
    "balanced": "every class by turns: image i is asked for class i modulo {classes}",
    "random": "one drawn from the seed of each image",
    "none": "none; the generator makes what it likes",
}
ROUNDING = {"round": "floor(255 x + 1/2)", "truncate": "floor(255 x)"}
LINE = "{kind} of {images}: {distance} of {size:,} samples to real images."


def distance(suite: Suite) -> str:
    """What the Fréchet distance is called: FID where the extractor is an Inception network."""
    return FID if INCEPTION in generation(suite).extractor else DISTANCE


def line(suite: Suite) -> str:
    """One line on what is asked."""
    it = generation(suite)
    images = imagewords.images(suite)
    return LINE.format(kind=KINDS[it.labels], images=images, distance=distance(suite), size=it.set)


def label(suite: Suite, metric: MetricSpec) -> str:
    """What a metric is called, the distance by its name."""
    words = metric.label or metric.name.replace("_", " ")
    return re.sub(r"^fr[eé]chet( distance)?", distance(suite), words, flags=re.IGNORECASE)


def steps(suite: Suite, evaluation: str) -> int | None:
    """The number of steps of an evaluation; None where it has none."""
    spec = suite.evaluations.get(evaluation)
    count = spec.params.get("steps") if spec else None
    return count if isinstance(count, int) and not isinstance(count, bool) else None


def explain(suite: Suite, statistic: str) -> str:
    """One sentence on a statistic."""
    metric = suite.task.metric(statistic)
    words = metric.words if metric else statistic
    return f"{FID}: {words}" if statistic == FRECHET and distance(suite) == FID else words


def describe(suite: Suite, metric: MetricSpec) -> str:
    """One sentence that says what a metric counts."""
    count = steps(suite, metric.evaluation)
    after = f", after {count} steps" if count else f" (evaluation “{metric.evaluation}”)"
    return f"{explain(suite, metric.statistic)}{after}. {WAYS[metric.direction]}"


def facts(suite: Suite, extractor: ExtractorCard | None, floor: Estimate | None) -> list[FactWords]:
    """What is made, from which classes, how it is compared, and what a failure means."""
    it = generation(suite)
    sets = suite.size.full // it.set
    demo = f", the first {suite.size.demo:,} in the demo" if suite.size.demo else ""
    size = f", {extractor.dimension:,} features" if extractor else ""
    return [
        FactWords("Task", f"{KINDS[it.labels]}: {imagewords.images(suite)} like those of {suite.data.dataset}"),
        FactWords("Classes asked for", LABELS[it.labels].format(classes=suite.data.classes)),
        FactWords("Rounding", f"to 8 bits, {ROUNDING[it.quantise]}, before anything is compared"),
        FactWords("Images", f"{suite.size.full:,} at full size{demo}; image i comes from seed i"),
        FactWords(
            "A set", f"{it.set:,} images; {'one set' if sets == 1 else f'a distance is the mean over {sets} sets'}"
        ),
        FactWords("Extractor", f"{it.extractor}{size}{_sha256(it.extractor_sha256)}", code=True),
        FactWords("Resizing", extractor.resizing if extractor else ""),
        FactWords("Reference", it.reference + _sha256(it.reference_sha256), code=True),
        FactWords("Floor", floor_line(floor)),
        FactWords("If a generator fails", "no distance: a set with an image missing would be another set"),
    ]


def _sha256(digest: str | None) -> str:
    return f", sha256 {digest}" if digest else ""


def floor_line(floor: Estimate | None) -> str:
    """What held-out real images get, in words; empty where the suite has none."""
    if floor is None:
        return ""
    value, interval = text.measure(floor.value, floor.low, floor.high)
    return f"held-out real images: {value} {interval} at n = {floor.n:,}".replace("  ", " ")


def card(card: Mapping[str, object]) -> list[FactWords]:
    """What a generator makes."""
    shape = "×".join(listed(card.get("input_shape")))
    classes = f"{card.get('classes')} classes" if card.get("classes") else "no classes"
    return [FactWords("Makes", f"{shape}, {classes}" if shape else "")]


def headed(suite: Suite) -> str:
    """What stands above full rows."""
    it, metric = generation(suite), suite.ranking_metric
    sets = suite.size.full // it.set
    means = "in one set" if sets == 1 else f"in {sets} sets of {it.set:,}; a distance is the mean over these"
    return f"{suite.size.full:,} images, {means}. {WAYS[metric.direction]}."


def partly(suite: Suite, row: Row) -> str:
    """What it means that only part of the images was made."""
    size = generation(suite).set
    if row.n < size:
        return f"Fewer images than a set of {size:,}: the distances are larger for that reason alone."
    return f"Only part of the {row.planned:,} images was made, so intervals are wide."


def set_size(suite: Suite, row: Row | None = None) -> int:
    """How many images the sets have that a distance of ``row`` was taken of (None: of a full row)."""
    size = generation(suite).set
    return min(size, row.n) if row else size


def metrics_of(suite: Suite, statistics: Sequence[str]) -> list[str]:
    """Those of ``statistics`` that the suite has columns for."""
    there = {metric.statistic for metric in suite.metrics}
    return [name for name in statistics if name in there]
