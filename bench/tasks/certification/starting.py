"""What a new suite of this task begins with."""

from __future__ import annotations

from typing import Any

from trustdm.bench.tasks.contract import NewData, Start

SELECTION, ESTIMATION, CHUNK = 100, 10_000, 1000
IMAGES = (2, 16)
"""How many images the first and the largest block have."""
NOISE = {"1/4": ("0", "1/4", "1/2"), "1/2": ("0", "1/2", "1")}
"""Levels of noise, each with the radii that are shown; in units of the [0, 1] range."""
RANKED = "1/2"
SAYS = (
    f"certificates under noise of standard deviation {' and '.join(NOISE)} of the [0, 1] range, from {ESTIMATION:,} "
    "draws an image; certification.estimation, the evaluations and the radii of the metrics are yours to choose"
)


def start(data: NewData) -> Start:
    """Two levels of noise, with the average radius and the certified accuracy at three radii of each."""
    chunks = 1 + -(-ESTIMATION // CHUNK)
    first, most = (chunks * images for images in IMAGES)
    tables: dict[str, Any] = {
        "certification": {"alpha": "1/1000", "selection": SELECTION, "estimation": ESTIMATION, "chunk": CHUNK},
        "size": {"demo": min(2, data.test), "full": data.test, "first_block": first, "block": most},
        "evaluations": {_evaluation(sigma): {"protocol": "certified", "sigma": sigma} for sigma in NOISE},
        "metrics": [metric for sigma, radii in NOISE.items() for metric in _metrics(sigma, radii)],
        "ranking": {"metric": f"acr_{_plain(RANKED)}"},
    }
    return Start(tables, (SAYS,))


def _metrics(sigma: str, radii: tuple[str, ...]) -> list[dict[str, Any]]:
    name, of = _plain(sigma), {"evaluation": _evaluation(sigma)}
    return [
        {"name": f"acr_{name}", **of, "statistic": "certified-radius", "label": f"ACR, σ {sigma}"},
        *(
            {
                "name": f"certified_{name}_{_plain(radius)}",
                **of,
                "statistic": "certified",
                "radius": radius,
                "label": f"σ {sigma}, r {radius}",
            }
            for radius in radii
        ),
        {
            "name": f"abstention_{name}",
            **of,
            "statistic": "abstention",
            "direction": "lower",
            "label": f"abstained, σ {sigma}",
        },
    ]


def _evaluation(sigma: str) -> str:
    return f"sigma-{_plain(sigma)}"


def _plain(fraction: str) -> str:
    return fraction.replace("/", "-")
