"""What a new suite of this task begins with."""

from __future__ import annotations

from typing import Any

from trustdm.bench.tasks.contract import NewData, Start

EPS = "8/255"
FEWEST_TARGETED = 4
"""Below so many classes the targeted loss of the second attack of AutoAttack is not defined."""
AUTOATTACK: list[dict[str, Any]] = [
    {"name": "apgd-ce", "iterations": 100, "restarts": 1},
    {"name": "apgd-t", "iterations": 100, "targets": 9},
    {"name": "fab-t", "iterations": 100, "targets": 9},
    {"name": "square", "queries": 5000},
]
SAYS = (
    f"[adversary] is linf and {EPS} where --set says nothing else: make it your threat model, with its sentences "
    "`knows` and `wins`; --set adversary.norm=l2 --set adversary.eps=1/2 writes another",
    "a randomized method is ranked only where attacks average over its draws: write eot = 20, say, into a table "
    "[[evaluations.autoattack.attacks]]",
)


def start(data: NewData) -> Start:
    """The clean images, PGD-40, and AutoAttack, which ranks."""
    left_out = data.classes < FEWEST_TARGETED
    attacks = [attack for attack in AUTOATTACK if not left_out or attack["name"] != "apgd-t"]
    label = "AutoAttack without APGD-T" if left_out else "AutoAttack"
    tables: dict[str, Any] = {
        "adversary": {
            "norm": "linf",
            "eps": EPS,
            "knows": "The whole method: architecture, weights, code, and how it draws its random numbers, "
            "but not the numbers drawn.",
            "wins": "Some image within eps of the original, and inside [0, 1], is not classified as its label.",
        },
        "size": {"demo": min(64, data.test), "full": data.test, "first_block": 8, "block": 64},
        "evaluations": {
            "clean": {"protocol": "clean"},
            "pgd40": {"protocol": "adversarial", "attacks": [{"name": "pgd", "steps": 40, "loss": "margin"}]},
            "autoattack": {"protocol": "adversarial", "attacks": attacks},
        },
        "metrics": [
            {
                "name": "clean_accuracy",
                "evaluation": "clean",
                "statistic": "accuracy",
                "probe": "clean",
                "label": "clean",
            },
            {"name": "pgd40_accuracy", "evaluation": "pgd40", "statistic": "survival", "label": "PGD-40"},
            {"name": "autoattack_accuracy", "evaluation": "autoattack", "statistic": "survival", "label": label},
        ],
        "ranking": {"metric": "autoattack_accuracy"},
    }
    more = (f"APGD-T is left out: it needs {FEWEST_TARGETED} classes, here are {data.classes}",) if left_out else ()
    return Start(tables, (*SAYS, *more))
