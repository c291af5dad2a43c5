"""How images in [0, 1] are brought to 8 bits: one rule for real images (numpy) and for generated ones (torch)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from trustdm.bench.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor

RULES: Final = {"round": 0.5, "truncate": 0.0}
"""What is added to 255 x before it is rounded down."""


def quantise(images: NDArray[np.floating[Any]], rule: str = "round") -> NDArray[np.uint8]:
    """8-bit images of those in [0, 1]: floor(255 x + 1/2) by "round", floor(255 x) by "truncate".

    Raises:
        UsageError: another rule.
    """
    levels: NDArray[np.uint8] = _levels(images.astype(np.float64), rule).astype(np.uint8)
    return levels


def quantised(images: Tensor, rule: str = "round") -> Tensor:
    """The same of a tensor, on its device; errors as those of ``quantise``."""
    import torch

    levels: Tensor = _levels(images.double(), rule).to(torch.uint8)
    return levels


def _levels(images: Any, rule: str) -> Any:
    """The levels of an array or a tensor in double precision, whose operators are the same."""
    if rule not in RULES:
        raise UsageError(f"quantisation: expected one of {', '.join(RULES)}, got {rule!r}")
    return (images.clip(0, 1) * 255 + RULES[rule]) // 1
