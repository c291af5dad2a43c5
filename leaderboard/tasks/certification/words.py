"""What a suite of certified robustness asks, in words."""

from __future__ import annotations

from collections.abc import Mapping

from trustdm.bench.suite.load import Suite
from trustdm.bench.suite.models import MetricSpec
from trustdm.bench.tasks.certification.task import certification
from trustdm.leaderboard import imagewords
from trustdm.leaderboard.boardview import WAYS, FactWords, failures, listed, sizes
from trustdm.leaderboard.tasks.certification import noise

LINE = (
    "Certified accuracy at radius r in L2, by randomized smoothing; a certificate is wrong with probability at most "
    "{alpha}."
)
SEQUENTIALLY = "stops drawing as soon as its declared radii are decided; holds for these and its alpha only"
CERTIFICATE = (
    "that the smoothed classifier, the majority over all noise, gives this label to every image within the radius; it "
    "holds whatever the change is, and needs no search for one"
)
NO_CERTIFICATE = (
    "anything beyond the radius or for other kinds of change, that the label is right, or that a vote over a few draws "
    "gives the majority's label"
)
FIXED_DRAWS = "the number is fixed"
FEWER_DRAWS = "as few as the declared radii take"
DRAWS = "draws"


def line(suite: Suite) -> str:
    """One line on what is asked."""
    return LINE.format(alpha=certification(suite).alpha)


def facts(suite: Suite) -> list[FactWords]:
    """What is certified, with how many draws, and what a certificate says."""
    it = certification(suite)
    sequential = any(noise.is_sequential(suite, name) for name in suite.evaluations)
    return [
        FactWords(
            "What is certified", "a radius in L2, in units of the pixel range, within which the majority's label stays"
        ),
        FactWords(
            "Draws, n0 and n", f"n0 = {it.selection:,} choose the label; n = {it.estimation:,} others bound its share"
        ),
        FactWords(
            "Error, alpha", f"an image's certificate is wrong with probability at most {it.alpha}, over the draws"
        ),
        FactWords("Sequential", SEQUENTIALLY if sequential else ""),
        FactWords("If it abstains", "the image counts as wrong, at every radius"),
        FactWords("A certificate says", CERTIFICATE),
        FactWords("It does not say", NO_CERTIFICATE),
        FactWords("Images", imagewords.of_classes(suite)),
        sizes(suite),
        failures(suite),
    ]


def card(card: Mapping[str, object]) -> list[FactWords]:
    """What a classifier takes."""
    shape = "×".join(listed(card.get("input_shape")))
    classes = f"{card.get('classes')} classes" if card.get("classes") else "no classes"
    return [FactWords("Input", f"{shape}, {classes}" if shape else "")]


def describe(suite: Suite, metric: MetricSpec) -> str:
    """One sentence that says what a metric counts."""
    statistic = suite.task.metric(metric.statistic)
    words = statistic.describe(metric) if statistic else metric.statistic
    if metric.statistic == DRAWS:
        words += f"; {FEWER_DRAWS if noise.is_sequential(suite, metric.evaluation) else FIXED_DRAWS}"
    return f"{words} (evaluation “{metric.evaluation}”). {WAYS[metric.direction]}"
