"""What a training checkpoint holds beside networks: what an optimizer keeps, states of generators, counters.

All of it can be tensors with names, and none of it is weights.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

_MOMENTS = {"exp_avg", "exp_avg_sq", "max_exp_avg_sq", "exp_avg_sq_row", "exp_avg_sq_col", "exp_avg_diff", "exp_inf"}
SLOTS = frozenset(_MOMENTS | {"momentum_buffer", "square_avg", "grad_avg", "acc_delta"})
"""What optimizers call a tensor that they keep for each parameter; no network has such names."""
COMPANIONS = frozenset({"step", "sum", "prev", "step_size", "eta", "mu", "mu_product", "ax"})
"""Further ones, which mean this only beside the above, or alone: a network may use the word, too."""
COUNTERS = COMPANIONS | {
    "steps",
    "global_step",
    "epoch",
    "iter",
    "iteration",
    "iterations",
    "num_updates",
    "decay",
    "lr",
}
"""Names of which no network consists."""
OPTIMIZER = re.compile(r"optimi[sz]er\w*|optims?")
TRAINING = re.compile(r"optimi[sz]er[a-z]*|optims?|opts?|schedulers?|sched|scaler|rng")
RANDOM = "random_state"


def of_training(key: object) -> bool:
    """Whether a part of a checkpoint is called as what only the training needs: "lr_scheduler", "rng_state"."""
    words = re.split(r"[^a-z]+", str(key).lower())
    return key == RANDOM or any(TRAINING.fullmatch(word) for word in words)


def is_optimizer(value: object) -> bool:
    """Whether this is the state of an optimizer, the part of it that has tensors, or what it keeps of one parameter."""
    if not isinstance(value, Mapping) or not value:
        return False
    if "param_groups" in value and "state" in value:
        return True
    return set(value) <= SLOTS | COMPANIONS or all(_of_one_parameter(part) for part in value.values())


def _of_one_parameter(value: object) -> bool:
    if not isinstance(value, Mapping) or not value:
        return False
    return bool(SLOTS & set(value)) or set(value) <= COMPANIONS


def network_tensors(content: Mapping[Any, Any]) -> tuple[dict[str, Tensor], list[str]]:
    """The tensors right in ``content`` that may be those of a network; and the names of the others."""
    tensors = {str(key): value for key, value in content.items() if isinstance(value, Tensor)}
    parameters = {name.rpartition(".")[0] for name in tensors if name.rpartition(".")[2] in SLOTS}
    trained = bool(parameters) or any(isinstance(v, Mapping) and is_optimizer(v) for v in content.values())

    def kept(name: str) -> bool:
        first, dot, _ = name.partition(".")
        owner, _, last = name.rpartition(".")
        if last in SLOTS or (last in COMPANIONS and owner in parameters):
            return True
        return bool(OPTIMIZER.fullmatch(first)) if dot else of_training(name) or (trained and name in COUNTERS)

    found = {name: value for name, value in tensors.items() if not kept(name)}
    if set(found) <= COUNTERS:
        found = {}
    return found, [name for name in tensors if name not in found]
