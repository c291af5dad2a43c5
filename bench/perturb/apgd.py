"""Auto-PGD (Croce and Hein 2020, algorithm 1) from pyautoattack, with our starts and our bookkeeping.

pyautoattack seeds the global generator, and draws one start for all rows that are still unbroken, so that an
example's result depends on its neighbours. Here each row starts from its own keyed noise, and restarts and targets
are driven from outside.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from pyautoattack.autopgd_base import APGDAttack, APGDAttack_targeted
from torch import Tensor

from trustdm.bench.perturb.budget import AUTOATTACK_NORM
from trustdm.bench.rng import Noise
from trustdm.bench.types import Budget

if TYPE_CHECKING:
    from trustdm.bench.contracts import AttackTarget

RHO = 0.75
_LOG = logging.getLogger(__name__)
_LOG.addHandler(logging.NullHandler())  # pyautoattack reports zero gradients there; the harness has a flag of its own


@dataclass(frozen=True)
class ApgdSettings:
    """``restarts`` counts for the untargeted attack, ``targets`` for the targeted; ``eot`` for randomized targets."""

    iterations: int = 100
    restarts: int = 1
    targets: int = 9
    eot: int = 1


def apgd_ce(target: AttackTarget, x: Tensor, y: Tensor, budget: Budget, noise: Noise, settings: ApgdSettings) -> Tensor:
    """Returns candidates (B, C, H, W): Auto-PGD on the cross-entropy, ``settings.restarts`` times.

    A row's result is a misclassified point of the first run that meets one, else the point of largest loss over all
    runs. A randomized target is always asked about all rows, in their order, so that it can keep noise by row.
    """
    search = _build(APGDAttack, target, budget, settings, loss="ce")
    return _search(search, target, x, y, noise, [None] * settings.restarts)


def apgd_t(target: AttackTarget, x: Tensor, y: Tensor, budget: Budget, noise: Noise, settings: ApgdSettings) -> Tensor:
    """Returns candidates (B, C, H, W): Auto-PGD on the targeted DLR loss, one run for each of the likeliest classes.

    The targets of a row are the ``settings.targets`` largest logits of its clean image, the true class left out (all
    other classes where there are fewer). Needs 4 classes. What is returned: as for ``apgd_ce``.
    """
    if not len(x):
        return x.clone()
    search = _build(APGDAttack_targeted, target, budget, settings)
    ranked = likeliest_others(target, x, y)
    return _search(search, target, x, y, noise, list(ranked.T[: settings.targets]))


def likeliest_others(target: AttackTarget, x: Tensor, y: Tensor) -> Tensor:
    """int64 (B, K-1): the classes other than ``y``, by falling logit of the clean images. One forward."""
    with torch.no_grad():
        logits = target(x).detach().clone()
    logits[torch.arange(len(y), device=y.device), y] = torch.inf
    return logits.sort(dim=1, descending=True, stable=True)[1][:, 1:]


def open_rows(broken: Tensor, randomized: bool) -> Tensor:
    """Indices of the rows to go on with: the unbroken ones; for a randomized target all of them, until none is."""
    if bool(broken.all()):
        return torch.empty(0, dtype=torch.long, device=broken.device)
    return torch.arange(len(broken), device=broken.device) if randomized else (~broken).nonzero().flatten()


class _Model:
    """The target as pyautoattack calls it; the first call undoes what a run drew from the global generator.

    A run draws a start before it asks the model, even where it is given one. Putting the state back only after the run
    would also rewind what a block-seeded method drew meanwhile, and let the attack see noise of the final judgement.
    """

    def __init__(self, target: AttackTarget) -> None:
        self._target = target
        self._state: Tensor | None = torch.get_rng_state()

    def __call__(self, x: Tensor) -> Tensor:
        if self._state is not None:
            torch.set_rng_state(self._state)
            self._state = None
        return self._target(x)


def _build(kind: Any, target: AttackTarget, budget: Budget, settings: ApgdSettings, **more: str) -> Any:
    eot = settings.eot if target.randomized else 1
    norm = AUTOATTACK_NORM[budget.norm]
    return kind(
        target, norm=norm, eps=budget.radius, n_iter=settings.iterations, eot_iter=eot, rho=RHO, logger=_LOG, **more
    )


def _search(
    search: Any, target: AttackTarget, x: Tensor, y: Tensor, noise: Noise, goals: Sequence[Tensor | None]
) -> Tensor:
    adv, broken = x.clone(), torch.zeros(len(x), dtype=torch.bool, device=x.device)
    reached = torch.full((len(x),), -torch.inf, device=x.device)
    search.init_hyperparam(x)
    for run, goal in enumerate(goals):
        rows = open_rows(broken, target.randomized)
        if not len(rows):
            break
        search.model, search.y_target = _Model(target), None if goal is None else goal[rows]
        start = _start(search, x[rows], noise.rows(rows.cpu().numpy()), run)
        strongest, correct, loss, found = search.attack_single_run(x[rows], y[rows], x_init=start)
        unbroken = ~broken[rows]
        hit, closer = unbroken & ~correct, unbroken & correct & (loss > reached[rows])
        adv[rows[hit]], broken[rows[hit]] = found[hit].detach(), True
        adv[rows[closer]], reached[rows[closer]] = strongest[closer].detach(), loss[closer]
    return adv


def _start(search: Any, x: Tensor, noise: Noise, run: int) -> Tensor:
    use, shape = f"apgd-start-{run}", x.shape[1:]
    delta = 2 * noise.uniform(use, shape) - 1 if search.norm == "Linf" else noise.normal(use, shape)
    return x + search.eps * search.normalize(torch.from_numpy(delta).to(x.device))  # type: ignore[no-any-return]
