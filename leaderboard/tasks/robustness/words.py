"""What a suite of adversarial robustness asks, in words."""

from __future__ import annotations

from collections.abc import Mapping

from trustdm.bench.suite.load import Suite
from trustdm.bench.suite.models import MetricSpec
from trustdm.bench.tasks.robustness.task import CLEAN, NORMS, adversary
from trustdm.leaderboard import imagewords
from trustdm.leaderboard.boardview import FactWords, failures, listed, sizes

BUDGETS = {"linf": "every pixel by at most {eps} of its range", "l2": "the image by at most {eps} in L2 norm"}
GRADIENTS = {
    "exact": "exact",
    "surrogate": "a surrogate",
    "bpda": "replaced in the backward pass (BPDA)",
    "none": "none",
}
ACCURACY, SURVIVAL, ADAPTED = "accuracy", "survival", "robust_accuracy"
UNDER = (
    "Robust accuracy: the least that {attacks} left, judged on draws that no attack has seen (evaluation "
    "“{evaluation}”)"
)
SURVIVED = "Robust accuracy: share of examples still correct after {attacks} (evaluation “{evaluation}”)"
RIGHT = "Accuracy {where}: share of examples classified correctly (evaluation “{evaluation}”)"
OVER = {
    "mean": "; of a randomized method, the mean over its draws",
    "worst": "; of a randomized method, under every one of its draws",
    "majority": "; of a randomized method, under more than half of its draws",
}


def line(suite: Suite) -> str:
    """One line on what is asked."""
    table = adversary(suite)
    return f"{NORMS[table.norm]} robustness, ε = {table.eps}: accuracy under attacks that know the method."


def budget(suite: Suite) -> str:
    """The budget in words."""
    table = adversary(suite)
    return f"{NORMS[table.norm]} norm at most {table.eps} of the pixel range"


def facts(suite: Suite) -> list[FactWords]:
    """Who attacks, which images, how much, and what a failure means."""
    table = adversary(suite)
    change = BUDGETS[table.norm].format(eps=table.eps)
    return [
        FactWords("Threat model", f"{NORMS[table.norm]}, ε = {table.eps}: may change {change}"),
        FactWords("The adversary knows", table.knows),
        FactWords("It wins when", table.wins),
        FactWords("Images", imagewords.of_classes(suite)),
        sizes(suite),
        failures(suite),
    ]


def card(card: Mapping[str, object]) -> list[FactWords]:
    """What of a method's card matters to an attacker."""
    shape, gradient = "×".join(listed(card.get("input_shape"))), str(card.get("gradient"))
    classes = f"{card.get('classes')} classes" if card.get("classes") else "no classes"
    return [
        FactWords("Input", f"{shape}, {classes}" if shape else ""),
        FactWords("Gradient for an attacker", GRADIENTS.get(gradient, gradient) if card.get("gradient") else ""),
    ]


def label(metric: MetricSpec) -> str:
    """What a metric is called: clean accuracy, robust accuracy (of which attacks)."""
    words = metric.label or metric.name.replace("_", " ")
    if metric.statistic == ADAPTED:
        return words if metric.params.get("attack") else words.replace("robust", "robust accuracy", 1)
    if ACCURACY in words.lower() or (metric.probe and metric.statistic == SURVIVAL):
        return words
    return f"{words} {ACCURACY}" if metric.statistic == ACCURACY else f"robust {ACCURACY} ({words})"


def describe(suite: Suite, metric: MetricSpec) -> str:
    """One sentence that says what a metric counts, and how the draws of a randomized method are put together."""
    return _counted(metric) + OVER.get(str(metric.params.get("over", "")), "")


def _counted(metric: MetricSpec) -> str:
    if metric.statistic == SURVIVAL:
        attacks = f"{metric.probe} and what ran before it" if metric.probe else "all attacks"
        return SURVIVED.format(attacks=attacks, evaluation=metric.evaluation)
    if metric.statistic == ADAPTED:
        attack = metric.params.get("attack")
        attacks = f"any run or end of {attack}" if attack else "any attack"
        return UNDER.format(attacks=attacks, evaluation=metric.evaluation)
    where = f"under {metric.probe}" if metric.probe not in {"", CLEAN} else "on clean images, without an attack"
    return RIGHT.format(where=where, evaluation=metric.evaluation)
