"""What a loaded method is, beyond its name: a digest of its weights, and its answers to a few fixed questions."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

from trustdm.bench.capabilities.contract import Capability
from trustdm.bench.contracts import MethodCard
from trustdm.bench.errors import ContractError
from trustdm.bench.hashing import canonical_json
from trustdm.bench.registry import loaded


def describe(thing: Any, call: Callable[..., Any], card: MethodCard, device: str, capability: Capability) -> str:
    """JSON text: ``weights``, a digest of every tensor the object holds, and ``answers``.

    The answers tell apart what tensors cannot: another preprocessing, another side file, another gradient, another
    sampler. None where the method breaks its contract on them, which its blocks will report.
    """
    from trustdm.bench.training.weights import state_digest

    try:
        answers = loaded(capability.questions)(thing, call, card, device)
    except ContractError:
        answers = None
    listed = [] if answers is None else answers.double().cpu().tolist()
    rounded = [float(f"{value:.6g}") if math.isfinite(value) else 0.0 for value in listed]
    return canonical_json({"weights": state_digest(thing), "answers": rounded})


def differs(before: str, now: str, tolerance: float = 1e-2) -> bool:
    """Whether two descriptions cannot be of one method.

    Weights are compared exactly, answers to ``tolerance`` of their scale: another device moves these a little.
    """
    a, b = json.loads(before), json.loads(now)
    if a["weights"] != b["weights"]:
        return True
    if not a["answers"] or not b["answers"]:  # it broke its contract then, or does now: its records say so
        return False
    scale = max((abs(v) for v in a["answers"]), default=0.0) or 1.0
    return any(abs(x - y) > tolerance * scale for x, y in zip(a["answers"], b["answers"], strict=True))
