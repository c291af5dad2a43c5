"""What a new suite of this task begins with."""

from __future__ import annotations

from typing import Any, cast

from trustdm.bench.contracts import ExtractorCard
from trustdm.bench.registry import Registry
from trustdm.bench.tasks.contract import NewData, Start

STEPS = (5, 18)
SET = 1000
FALLBACK = "inception-clean"
"""The extractor for images of any size."""


def start(data: NewData, registry: Registry) -> Start:
    """Distances, precision and recall of a set of images for each of ``STEPS``; the reference is built first."""
    extractor = _extractor(data.shape, registry)
    tables: dict[str, Any] = {
        "failures": "excluded",
        "generation": {
            "labels": "balanced",
            "quantise": "round",
            "extractor": extractor.name,
            **({"extractor_sha256": extractor.weights[0].sha256} if extractor.weights else {}),
            "reference": f"{data.name}.reference.npz",
            "set": SET,
        },
        "size": {"demo": 64, "full": SET, "first_block": 64, "block": SET},
        "evaluations": {f"steps-{steps}": {"protocol": "generation", "steps": steps} for steps in STEPS},
        "metrics": [metric for steps in reversed(STEPS) for metric in _metrics(steps)],
        "ranking": {"metric": f"frechet_{max(STEPS)}"},
    }
    says = (
        f"generation.extractor: {extractor.name}, chosen for the shape of the images alone: {extractor.summary}",
        f"distances are of {SET:,} images to the {data.train:,} of the training split; the test split is held out",
    )
    return Start(tables, says, ("trustdm reference {suite} --out {folder}{name}.reference.npz",))


def _metrics(steps: int) -> list[dict[str, Any]]:
    every = {
        "frechet": ("lower", "Frechet"),
        "evaluations": ("lower", "NFE"),
        "kid": ("lower", "KID"),
        "precision": ("higher", "precision"),
        "recall": ("higher", "recall"),
    }
    return [
        {
            "name": f"{statistic}_{steps}",
            "evaluation": f"steps-{steps}",
            "statistic": statistic,
            "direction": direction,
            "label": f"{words}, {steps} steps",
        }
        for statistic, (direction, words) in every.items()
    ]


def _extractor(shape: tuple[int, ...], registry: Registry) -> ExtractorCard:
    """One for images of exactly this shape, where there is one: it sees more in them than one for photographs."""
    cards = [cast(ExtractorCard, entry.card) for entry in registry.entries("extractor")]
    made_for = next((card for card in cards if card.shape == shape), None)
    return made_for or cast(ExtractorCard, registry.get("extractor", FALLBACK).card)
