"""What a budget means in numbers, and the checks that attacks share; importing this needs no torch."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from trustdm.bench.errors import ContractError, UsageError
from trustdm.bench.types import Budget

if TYPE_CHECKING:
    from torch import Tensor

AUTOATTACK_NORM = {"linf": "Linf", "l2": "L2"}


def norms(delta: Tensor, norm: str) -> Tensor:
    """float64 (B,): the size of each row of ``delta`` (B, ...) in ``norm`` ("linf" or "l2").

    Raises:
        UsageError: another norm.
    """
    flat = delta.detach().double().flatten(1)
    if norm == "linf":
        return flat.abs().amax(1)
    if norm == "l2":
        return flat.square().sum(1).sqrt()
    raise UsageError(f"norm: expected linf or l2, got {norm!r}")


def project(x: Tensor, x_adv: Tensor, budget: Budget) -> Tensor:
    """Returns ``x_adv`` moved into the budget around ``x`` and into the pixel range.

    A row that is inside already comes back bit for bit. Otherwise "linf" clips each pixel to ``x +- eps`` and "l2"
    scales the perturbation to length eps; [0, 1] is clipped after that. Computed in float64 and rounded towards ``x``,
    so the result, taken as exact numbers, is never outside the budget, however many pixels there are.

    Args:
        x: float32 (B, C, H, W) in [0, 1].
        x_adv: floating point, the same shape.
        budget: norm and radius, in the units of ``x``.

    Raises:
        ContractError: another shape, or a pixel that is NaN or infinite.
    """
    x_adv = x_adv.detach()
    _require_pixels(x, x_adv)
    centre, wide = x.double(), x_adv.double()
    if budget.norm == "linf":
        exact = wide.clamp(centre - budget.radius, centre + budget.radius)
    else:
        size = norms(wide - centre, budget.norm).view(-1, *[1] * (x.dim() - 1))
        scaled = centre + (wide - centre) * (budget.radius / size.clamp_min(1e-300))
        exact = scaled.where(size > budget.radius, wide)
    exact = exact.clamp(0.0, 1.0)
    near = exact.to(x.dtype)
    outside = (near.double() - centre).abs() > (exact - centre).abs()
    return near.nextafter(x).where(outside, near)


def require_norm(attack: str, budget: Budget, known: Sequence[str]) -> None:
    """Raises UsageError where ``attack`` is not defined for the norm of ``budget``."""
    if budget.norm not in known:
        raise UsageError(f"attack {attack}: norm: expected {' or '.join(known)}, got {budget.norm!r}")


def fraction(attack: str, text: str) -> Fraction | None:
    """A step size as an exact fraction of the [0, 1] range; None where ``text`` is empty.

    Raises:
        UsageError: it is no positive fraction.
    """
    if not text:
        return None
    try:
        value = Fraction(text)
    except (ValueError, ZeroDivisionError):
        value = Fraction(0)
    if value <= 0:
        raise UsageError(f"attack {attack}: step_size: expected a positive fraction like '3/200', got {text!r}")
    return value


def require_positive(attack: str, **counts: int) -> None:
    """Raises UsageError where a parameter of ``attack`` is below 1."""
    for name, value in counts.items():
        if value < 1:
            raise UsageError(f"attack {attack}: {name}: expected an integer of at least 1, got {value}")


def _require_pixels(x: Tensor, x_adv: Tensor) -> None:
    if x_adv.shape != x.shape:
        raise ContractError(f"adversarial images: expected shape {tuple(x.shape)}, got {tuple(x_adv.shape)}")
    wrong = (~x_adv.isfinite()).flatten(1).any(1)
    if bool(wrong.any()):
        what = "NaN" if bool(x_adv.isnan().any()) else "an infinite pixel"
        first = int(wrong.nonzero()[0])
        where = f"{int(wrong.sum())} of {len(x)} rows (first: row {first})"
        raise ContractError(f"adversarial images: expected finite pixels, got {what} in {where}")
