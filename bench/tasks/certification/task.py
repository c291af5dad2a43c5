"""Certified robustness by randomized smoothing: at which radius is the label provably constant?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from trustdm.bench.construct import construct
from trustdm.bench.errors import UsageError
from trustdm.bench.registry import Registry, loaded
from trustdm.bench.smoothing.accuracy import ENVELOPE
from trustdm.bench.suite.fields import MOST, FractionText, RadiusText, Whole
from trustdm.bench.suite.models import Problem, Table
from trustdm.bench.tasks.certification import flags, starting
from trustdm.bench.tasks.claim import ROWS, ArrayForm
from trustdm.bench.tasks.contract import (
    Metric,
    NewData,
    Published,
    Start,
    Task,
    image_faults,
    table_of,
    test_list_faults,
)
from trustdm.bench.tasks.positions import Positions

if TYPE_CHECKING:
    from trustdm.bench.suite.load import Suite
    from trustdm.bench.suite.models import MetricSpec

CHUNKED = "certified"
"""The protocol whose draws are spread over several positions for each image."""
SEQUENTIAL = "certified-sequential"
"""The protocol that looks at its draws chunk by chunk, and stops."""
PROTOCOLS = {
    CHUNKED: "trustdm.bench.tasks.certification.protocol:Certified",
    SEQUENTIAL: "trustdm.bench.tasks.certification.sequential:SequentiallyCertified",
}
MOST_DRAWS = 2**31 - 1
METRICS = "trustdm.bench.tasks.certification.metrics"


class Certification(Table):
    """How smoothed classifiers are certified; the norm is l2, radii are in units of the [0, 1] range.

    ``selection`` draws choose the class of an image, ``estimation`` others bound its probability, each wrong with
    probability at most ``alpha`` (a fraction in text). Draws are made and stored in chunks of ``chunk``.
    """

    alpha: FractionText = "1/1000"
    selection: Whole = 100
    estimation: Whole
    chunk: Whole = 1000


class Radius(Table):
    """``radius`` in units of the [0, 1] range, a fraction in text."""

    radius: RadiusText


Length = Annotated[Decimal, Field(ge=0, allow_inf_nan=False)]


class Noise(Table):
    """``sigma`` of the noise in units of the [0, 1] range; none: the best of several for that radius."""

    sigma: Length | None = None


class NoiseAndRadius(Noise):
    """``radius`` in the same units."""

    radius: Length


class Certify(Task):
    """Suites with a table ``[certification]``."""

    name = "certification"
    key = "certification"
    title = "Certified robustness"
    summary = "certified accuracy at a radius in L2, by randomized smoothing"
    table = Certification
    capability = "classify_noisy"
    loose = frozenset({"alpha"})
    view = "trustdm.leaderboard.tasks.certification.view:VIEW"
    claims = "trustdm.bench.tasks.certification.claims:contradictions"
    plugins = ("trustdm.bench.tasks.certification.protocol", "trustdm.bench.tasks.certification.sequential")
    metrics = (
        Metric("certified", f"{METRICS}:certified", "share", "Certified accuracy at radius {radius}", Radius),
        Metric(
            "certified-radius",
            f"{METRICS}:average_radius",
            "length",
            "Average certified radius (ACR); an image that is wrong or abstained on counts as 0",
        ),
        Metric(
            "abstention",
            f"{METRICS}:abstention",
            "share",
            "Share of images on which the method abstains; these count as wrong",
        ),
        Metric(
            "draws",
            f"{METRICS}:draws",
            "count",
            "Noisy copies of an image that were classified, in the mean over images",
        ),
    )
    flags = flags.FLAGS
    published = (
        Published("certified", "certified accuracy", "share", NoiseAndRadius),
        Published("certified-radius", "ACR", "length", Noise),
        Published("abstention", "abstained", "share", Noise),
    )
    terms = ("certification",)

    def faults(self, suite: Suite) -> Iterator[Problem]:
        """The images that are certified must be listed."""
        yield from test_list_faults(suite)
        yield from image_faults(suite)
        yield from _protocol_faults(suite)
        for name in suite.evaluations:
            if suite.size.full * chunks_of(suite, name) > MOST:
                got = f"{suite.size.full} images of {chunks_of(suite, name)} chunks of draws each"
                yield Problem(f"evaluations.{name}", f"at most {MOST} positions", got)

    def positions(self, suite: Suite, evaluation: str) -> Positions:
        """Position i is chunk i % chunks of the draws of image i // chunks of the test list."""
        return Positions.count(suite.size.full, chunks_of(suite, evaluation))

    def arrays(self, suite: Suite, protocol: str) -> Mapping[str, ArrayForm] | None:
        """The counts that certificates are computed from, and the true labels."""
        counts = ArrayForm("iu", (ROWS, None), 0, MOST_DRAWS)
        truth = ArrayForm("iu", (ROWS,), 0, suite.data.classes - 1)
        return {
            CHUNKED: {"counts": ArrayForm("iu", (ROWS, suite.data.classes), 0, MOST_DRAWS), "truth": truth},
            SEQUENTIAL: {"successes": counts, "trials": counts, "truth": truth},
        }.get(protocol)

    def says(self, suite: Suite) -> Sequence[str]:
        """The norm and the error."""
        return ["certified L2 radius", f"certificates are wrong with probability at most {certification(suite).alpha}"]

    def told_apart(self, params: Mapping[str, Any]) -> str:
        """The noise and the radius."""
        noise = f"σ {params['sigma']}" if "sigma" in params else ENVELOPE
        return ", ".join([noise] + ([f"radius {params['radius']}"] if "radius" in params else []))

    def start(self, data: NewData, registry: Registry) -> Start:
        """Certificates under two levels of noise; see ``starting``."""
        return starting.start(data)

    def headline(self, suite: Suite) -> Sequence[MetricSpec]:
        """The average radius and the draws."""
        return [m for m in suite.metrics if m.statistic in ("certified-radius", "draws")]


def certification(suite: Suite) -> Certification:
    """The table ``[certification]`` of a suite.

    Raises:
        UsageError: it has none.
    """
    table: Certification = table_of(suite, Certification)
    return table


def _protocol_faults(suite: Suite) -> Iterator[Problem]:
    """The noise, the radii and whatever else an evaluation is given are what its protocol takes: pages read them."""
    for name, spec in suite.evaluations.items():
        if spec.protocol not in PROTOCOLS:
            continue
        try:
            construct(loaded(PROTOCOLS[spec.protocol]), spec.params, f"evaluations.{name}", Registry())
        except UsageError as error:
            yield Problem(f"evaluations.{name}", f"what {spec.protocol} takes", str(error))


def chunks_of(suite: Suite, evaluation: str) -> int:
    """How many positions of an evaluation belong to one image: 1, or the selection and the chunks of the estimation."""
    spec = suite.evaluations.get(evaluation)
    if spec is None or spec.protocol != CHUNKED:
        return 1
    table = certification(suite)
    return 1 + -(-table.estimation // table.chunk)


TASK = Certify()
