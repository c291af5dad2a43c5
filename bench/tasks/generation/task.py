"""Generators of images: how close are samples to the data, and what does one cost?"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, StrictInt

from trustdm.bench.errors import DataError
from trustdm.bench.hashing import sha256_file
from trustdm.bench.registry import Registry, loaded
from trustdm.bench.suite.fields import FileName, Hash, Name, Whole
from trustdm.bench.suite.models import Problem, Table
from trustdm.bench.tasks.claim import ROWS, ArrayForm
from trustdm.bench.tasks.contract import Finding, Metric, NewData, Published, Start, Task, image_faults, table_of
from trustdm.bench.tasks.generation import flags, starting
from trustdm.bench.tasks.positions import Positions

if TYPE_CHECKING:
    from trustdm.bench.suite.load import Suite
    from trustdm.bench.suite.models import MetricSpec
    from trustdm.bench.types import Estimate

DATA = "TRUSTDM_DATA"
METRICS = "trustdm.bench.tasks.generation.metrics"
INCEPTION = "inception"
MOST_FEATURE = 1e30
"""Far above any feature, and small enough for its square to be a float64."""


class Generation(Table):
    """How images are made of seeds, and what they are compared with.

    ``labels``: seed i gets class i modulo the number of classes ("balanced"), one drawn from the seed ("random"), or
    none. ``quantise``: to 8 bits by "round" (floor(255 x + 1/2)) or "truncate" (floor(255 x)). ``extractor`` is the
    name of a plugin and ``extractor_sha256`` the hash of its weights; ``reference`` the file of what its features of
    the reference images are (``trustdm reference``). A distance is that of ``set`` images to the reference; where
    more are made, it is the mean over the sets.
    """

    labels: Literal["balanced", "random", "none"] = "balanced"
    quantise: Literal["round", "truncate"] = "round"
    extractor: Name
    extractor_sha256: Hash | None = None
    reference: FileName
    reference_sha256: Hash | None = None
    set: Annotated[StrictInt, Field(ge=2)]


class Cost(Table):
    """``steps`` of the sampler, and the network evaluations ``nfe`` of an image, as the source says."""

    steps: Whole | None = None
    nfe: Whole | None = None


PUBLISHED = (
    Published("fid", "FID", "distance", Cost),
    Published("sfid", "sFID", "distance", Cost),
    Published("rfid", "rFID", "distance", Cost),
    Published("kid", "KID", "distance", Cost, least=None),
    Published("is", "Inception score", "distance", Cost),
    Published("precision", "precision", "share", Cost),
    Published("recall", "recall", "share", Cost),
    Published("nfe", "NFE", "count", Cost),
)


class Generate(Task):
    """Suites with a table ``[generation]``."""

    name = "generation"
    key = "generation"
    title = "Image generation"
    summary = "distance of generated images to real ones, and network evaluations an image takes"
    table = Generation
    capability = "sample"
    loose = frozenset({"reference"})
    view = "trustdm.leaderboard.tasks.generation.view:VIEW"
    claims = "trustdm.bench.tasks.generation.claims:contradictions"
    plugins = ("trustdm.bench.tasks.generation.protocol",)
    published = PUBLISHED
    terms = ("extractor", "reference", "resizing", "sampler")
    metrics = (
        Metric(
            "frechet",
            f"{METRICS}:frechet",
            "distance",
            "Fréchet distance between the Gaussians fitted to the features of a set of images and of the reference",
        ),
        Metric(
            "kid",
            f"{METRICS}:kid",
            "distance",
            "Kernel distance (KID, cubic kernel) between the features of a set of images and the reference; unbiased",
            version=2,
        ),
        Metric(
            "precision",
            f"{METRICS}:precision",
            "share",
            "Share of the images that lie where real ones do, by nearest neighbours in the features",
        ),
        Metric(
            "recall",
            f"{METRICS}:recall",
            "share",
            "Share of the real images that lie where generated ones do, by nearest neighbours in the features",
        ),
        Metric(
            "evaluations",
            f"{METRICS}:evaluations",
            "count",
            "Network evaluations (NFE) an image takes, as the harness counted; least and most, if it varies",
        ),
    )
    flags = flags.FLAGS

    def faults(self, suite: Suite) -> Iterator[Problem]:
        """A full run must consist of whole sets."""
        table = generation(suite)
        if suite.size.full % table.set:
            yield Problem("size.full", f"a multiple of generation.set, {table.set}", suite.size.full)
        yield from image_faults(suite)

    def positions(self, suite: Suite, evaluation: str) -> Positions:
        """The positions 0, 1, ... of the seeds."""
        return Positions.count(suite.size.full)

    def data_digest(self, suite: Suite, registry: Registry) -> str:
        """The content of the reference that images are compared with; where it is not pinned, of what is there."""
        return generation(suite).reference_sha256 or sha256_file(reference_file(suite))

    def pinned_data(self, suite: Suite) -> str | None:
        """The hash of the reference, where the suite names it."""
        return generation(suite).reference_sha256

    def needs(self, suite: Suite, registry: Registry) -> Iterator[Finding]:
        """The reference."""
        yield True, f"suite {suite.name}", f"its reference {reference_file(suite).name} is here"

    def asks(self, suite: Suite) -> str:
        """With or without labels."""
        return f"{'unconditional' if generation(suite).labels == 'none' else 'class-conditional'} generation"

    def arrays(self, suite: Suite, protocol: str) -> Mapping[str, ArrayForm] | None:
        """The features that distances are computed from, and the images that a page shows."""
        if protocol != self.name:
            return None
        return {
            "features": ArrayForm("f", (ROWS, None), -MOST_FEATURE, MOST_FEATURE),
            "samples": ArrayForm("u", ("shown", *suite.data.shape), 0, 255),
        }

    def says(self, suite: Suite) -> Sequence[str]:
        """The task; the distance of held-out real images."""
        floor: Estimate | None = loaded(f"{METRICS}:floor_of")(suite, generation(suite).set)
        lines = [self.asks(suite)]
        if floor is not None:
            interval = f"[{floor.low:.3g}, {floor.high:.3g}]"
            lines.append(f"held-out real images, {floor.n:,} of them: {floor.value:.3g} {interval}")
        return lines

    def start(self, data: NewData, registry: Registry) -> Start:
        """Distances to the training images, after two numbers of steps; see ``starting``."""
        return starting.start(data, registry)

    def headline(self, suite: Suite) -> Sequence[MetricSpec]:
        """Distances, and the cost of the one that ranks."""
        cost = ("evaluations", suite.ranking_metric.evaluation)
        return [m for m in suite.metrics if m.statistic == "frechet" or (m.statistic, m.evaluation) == cost]

    def told_apart(self, params: Mapping[str, Any]) -> str:
        """Nothing: the steps stand in the column of costs."""
        return ""

    def cost_of(self, params: Mapping[str, Any]) -> tuple[str, float | None]:
        """Steps and network evaluations."""
        steps, nfe = params.get("steps"), params.get("nfe")
        words = ([f"{steps:,} steps"] if steps else []) + ([f"NFE {nfe:,}"] if nfe else [])
        return ", ".join(words), nfe or steps

    def reference_stamp(self, suite: Suite) -> str:
        """The hash of the reference file that is here; empty without one."""
        try:
            return sha256_file(reference_file(suite))
        except DataError:
            return ""


def generation(suite: Suite) -> Generation:
    """The table ``[generation]`` of a suite.

    Raises:
        UsageError: it has none.
    """
    table: Generation = table_of(suite, Generation)
    return table


def reference_file(suite: Suite) -> Path:
    """The file of the suite's reference: beside the suite file, or in ``$TRUSTDM_DATA``.

    Raises:
        DataError: it is in neither.
    """
    name = generation(suite).reference
    places = [suite.root / name] + ([Path(os.environ[DATA]) / name] if os.environ.get(DATA) else [])
    for place in places:
        if place.is_file():
            return place
    looked = ", ".join(str(place) for place in places)
    raise DataError(
        f"{suite.name}: expected the reference {name!r}, got no such file; looked at {looked}; make it with "
        f"`trustdm reference {suite.name}`"
    )


TASK = Generate()
