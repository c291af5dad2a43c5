"""The table of samplers: a name and options in, a sampler out."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Literal, get_args, get_origin, get_type_hints

from trustdm.bench.diffusion import configured
from trustdm.bench.diffusion.configured import Sampler
from trustdm.bench.errors import UnknownName, UsageError

SAMPLERS: dict[str, Callable[..., Sampler]] = {
    "euler": configured.Euler,
    "heun": configured.Heun,
    "stochastic-heun": configured.StochasticHeun,
    "ddpm": configured.Ddpm,
    "ddim": configured.Ddim,
    "vp-sde": configured.VpSde,
    "ve-sde": configured.VeSde,
    "predictor-corrector": configured.PredictorCorrector,
    "langevin": configured.Langevin,
    "probability-flow": configured.ProbabilityFlow,
}


LEAST: dict[str, float] = {
    "churn": 0,
    "churn_min": 0,
    "churn_noise": 0,
    "eta": 0,
    "corrections": 0,
    "each": 1,
    "total": 1,
}
"""The least value of an option; the numbers that are not here are positive."""
MOST: dict[str, float] = {"eta": 1, "until": 1}


def make_sampler(name: str, options: Mapping[str, Any] | None = None) -> Sampler:
    """The sampler of that name with ``options`` in place of its defaults.

    Raises:
        UnknownName: with near names, for the sampler or an option.
        UsageError: an option that is not one of the values it may take.
    """
    if name not in SAMPLERS:
        raise UnknownName("sampler", name, SAMPLERS)
    hints = get_type_hints(SAMPLERS[name])
    for option, value in (options or {}).items():
        if option not in hints:
            raise UnknownName(f"option of sampler {name}", option, hints)
        _check(f"sampler {name}: {option}", value, hints[option])
        _in_range(f"sampler {name}: {option}", option, value)
    made = SAMPLERS[name](**(options or {}))
    for low, high in (("sigma_min", "sigma_max"), ("churn_min", "churn_max")):
        if hasattr(made, low) and not getattr(made, low) < getattr(made, high):
            raise UsageError(f"sampler {name}: {high}: expected more than {low}, {getattr(made, low)}")
    return made


def evaluations(name: str, steps: int, options: Mapping[str, Any] | None = None) -> int:
    """How often the sampler of that name evaluates the denoiser for each image (NFE), without guidance."""
    return make_sampler(name, options).evaluations(require_steps(steps))


def require_steps(steps: int) -> int:
    """``steps``, if there is at least one.

    Raises:
        UsageError: otherwise.
    """
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
        raise UsageError(f"steps: expected an integer of at least 1, got {steps!r}")
    return steps


def _in_range(where: str, option: str, value: object) -> None:
    if not isinstance(value, int | float):
        return
    low, high = LEAST.get(option), MOST.get(option, math.inf)
    fits = math.isfinite(value) and value <= high and (value > 0 if low is None else value >= low)
    if not fits:
        least = "more than 0" if low is None else f"at least {low:g}"
        raise UsageError(
            f"{where}: expected {least}{'' if high == math.inf else f' and at most {high:g}'}, got {value!r}"
        )


def _check(where: str, value: Any, hint: Any) -> None:
    choices = get_args(hint)
    if get_origin(hint) is Literal:
        if value not in choices:
            raise UsageError(f"{where}: expected {' or '.join(choices)}, got {value!r}")
        return
    kinds = choices or (hint,)
    if float in kinds:
        kinds = (*kinds, int)
    if isinstance(value, bool) or not isinstance(value, kinds):
        raise UsageError(f"{where}: expected {getattr(hint, '__name__', hint)}, got {value!r}")
