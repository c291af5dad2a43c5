"""trustdm: measured, resumable, traceable evaluations of trustworthy diffusion models.

``from trustdm import evaluate, wrap, method, MethodCard`` is the whole Python face; see docs/quickstart.md.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

_HERE = Path(__file__).resolve().parent
if not (_HERE / "bench").is_dir():
    # In a checkout the parts are links. Where Git writes these as text files (Windows), their folders lie one level up.
    __path__.append(str(_HERE.parent))

_FACE = {
    "evaluate": "trustdm.bench.api",
    "wrap": "trustdm.bench.api",
    "method": "trustdm.bench.contracts",
    "dataset": "trustdm.bench.contracts",
    "attack": "trustdm.bench.contracts",
    "MethodCard": "trustdm.bench.contracts",
    "DatasetCard": "trustdm.bench.contracts",
    "AttackCard": "trustdm.bench.contracts",
    "WeightFile": "trustdm.bench.contracts",
    "weight_attack": "trustdm.bench.contracts",
    "WeightAttackCard": "trustdm.bench.contracts",
    "step": "trustdm.bench.contracts",
    "StepCard": "trustdm.bench.contracts",
}
__all__ = list(_FACE)


def __dir__() -> list[str]:
    """The face, for whoever completes ``trustdm.`` with the tab key."""
    return sorted({*globals(), *_FACE})


def __getattr__(name: str) -> Any:
    """Imports a part of the face when it is first used, so that ``import trustdm`` stays quick."""
    if name not in _FACE:
        raise AttributeError(f"module 'trustdm' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_FACE[name]), name)
