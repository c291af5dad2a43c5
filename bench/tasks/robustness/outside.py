"""Attacks that a suite does not list: somebody's own, as an evaluation under the protocol by which the suite ranks."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from trustdm.bench.contracts import NAME, AttackCard
from trustdm.bench.errors import UsageError
from trustdm.bench.suite.further import Further, authors_fault, falling
from trustdm.bench.suite.models import Evaluation
from trustdm.bench.tasks.robustness.tables import OWN_KEYS, attack_tables, ranks

if TYPE_CHECKING:
    from trustdm.bench.suite.load import Suite
    from trustdm.bench.suite.models import MetricSpec

PROTOCOLS = ("adversarial", "adaptive")
FALLING = ("survival", "robust_accuracy")
"""Statistics that are about every attack there is."""


def falls(metric: MetricSpec) -> bool:
    """Whether a metric is about every attack, and not one of them or those up to one."""
    return metric.statistic in FALLING and not metric.probe and not metric.params.get("attack")


def evaluation(suite: Suite, params: Mapping[str, Any]) -> Evaluation | None:
    """The evaluation with these parameters: a single attack that ranks; None where it is something else."""
    protocol = suite.evaluations[suite.ranking_metric.evaluation].protocol
    listed, tables = params.get("attacks"), attack_tables(params)
    alone = isinstance(listed, list | tuple) and len(listed) == len(tables) == 1
    if protocol not in PROTOCOLS or set(params) != {"attacks"} or not alone or not ranks(tables[0]):
        return None
    try:
        return Evaluation.model_validate({"protocol": protocol, "attacks": [dict(tables[0])]})
    except ValidationError:
        return None


def further(suite: Suite, label: str, card: AttackCard, params: Mapping[str, Any], by: Sequence[str]) -> Further:
    """An attack from outside as an evaluation of the suite, with whoever is to be named for it.

    Raises:
        UsageError: the suite ranks by no number that an attack could lower, the attack is outside of its threat model,
            or a name cannot be shown.
    """
    if not falling(suite):
        raise UsageError(
            f"{suite.name}: expected a suite that ranks by what all attacks leave ({', '.join(FALLING)}), got one that "
            f"ranks by {suite.ranking.metric}"
        )
    if card.access == "noise":
        raise UsageError(
            f"attack {card.name}: expected one within the threat model, got one that knows the random numbers it is "
            "judged under"
        )
    if not re.fullmatch(NAME, label):
        raise UsageError(
            f"--name: expected a name of letters, digits, '.', '_' and '-', at most 80, got {label[:100]!r}"
        )
    if own := sorted(set(OWN_KEYS) & set(params)):
        raise UsageError(f"attack {card.name}: expected parameters of the attack, got {', '.join(own)}")
    if fault := authors_fault(list(by)):
        raise UsageError(f"authors of {card.name}: expected {fault}, got {', '.join(by)[:200]!r}")
    spec = evaluation(suite, {"attacks": [{"name": card.name, **params}]})
    if spec is None:
        raise UsageError(f"attack {card.name}: expected parameters as a suite could set them, got {dict(params)}")
    return Further(label, spec, tuple(by))
