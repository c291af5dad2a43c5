"""Checks of ``classify_noisy``; each raises ContractError, or returns why it does not apply."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from trustdm.bench.capabilities.classify_noisy import CLASSIFY_NOISY
from trustdm.bench.checks.cases import KEY, ROWS, Check, MethodCase, generators_untouched, require, require_close
from trustdm.bench.checks.classify import ROW_TOLERANCE, check_load_is_repeatable
from trustdm.bench.errors import ContractError, TrustdmError
from trustdm.bench.rng import Noise

if TYPE_CHECKING:
    from torch import Tensor

    from trustdm.bench.targets.noisy import NoisyTarget

LEVELS = (0.25, 0.5, 1.0)
"""The standard deviations that images are usually smoothed with, in units of [0, 1]."""
