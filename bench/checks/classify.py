"""Checks of a method; each raises ContractError, or returns why it does not apply."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trustdm.bench.checks.cases import (
    KEY,
    ROWS,
    Check,
    MethodCase,
    generators_untouched,
    require,
    require_close,
)
from trustdm.bench.errors import ContractError

if TYPE_CHECKING:
    from torch import Tensor

ROW_TOLERANCE = 1e-4
SLOPE_TOLERANCE = 0.05
DIRECTIONS = 4
STEPS = (1e-4, 1e-3)  # small against the bends of a network; the larger one where logits carry much rounding


def check_logits(case: MethodCase) -> str | None:
    """Logits are a finite floating point tensor (B, K), for one image and for several: what every number rests on."""
    import torch

    for count in (1, ROWS):
        logits, want = case.logits(case.images[:count]), (count, case.card.classes)
        require(isinstance(logits, torch.Tensor), f"expected a tensor of logits, got {type(logits).__name__}")
        require(tuple(logits.shape) == want, f"expected logits of shape {want}, got {tuple(logits.shape)}")
        require(logits.is_floating_point(), f"expected floating point logits, got {logits.dtype}")
        require(bool(torch.isfinite(logits.float()).all()), "expected finite logits, got NaN or infinity")
    return None


def check_extremes(case: MethodCase) -> str | None:
    """All-black and all-white images get finite logits: attacks go to the corners of the box."""
    import torch

    for value in (0.0, 1.0):
        logits = case.logits(torch.full_like(case.images, value))
        require(
            bool(torch.isfinite(logits.float()).all()),
            f"images of all {value:g}: expected finite logits, got NaN or infinity",
        )
    return None


def check_not_probabilities(case: MethodCase) -> str | None:
    """Logits come before the softmax: probabilities have vanishing gradients, which attacks take for robustness."""
    logits = case.logits(case.images).double()
    inside = bool(((logits >= 0) & (logits <= 1)).all())
    sums = bool(((logits.sum(1) - 1).abs() < 1e-3).all())
    require(
        not (inside and sums), "expected logits, got rows in [0, 1] that sum to 1; return what comes before softmax"
    )
    return None


def check_input_not_modified(case: MethodCase) -> str | None:
    """The caller's images stay as they are: an attack would otherwise go on from others."""
    import torch

    x = case.images
    case.logits(x)
    require(torch.equal(x, case.images), "expected the input to stay as it was, got it modified in place")
    return None


def check_batch_of_one(case: MethodCase) -> str | None:
    """An image alone gets the logits it gets in a batch: batch statistics would let images influence each other."""
    if case.card.randomness == "block-seeded":
        return "randomness is block-seeded: rows share one stream"
    together = case.logits(case.images)
    for i in range(ROWS):
        alone = case.logits(case.images[i : i + 1], examples=[i])
        require_close(alone[0], together[i], ROW_TOLERANCE, f"expected image {i} alone to have its logits in the batch")
    return None


def check_permutation(case: MethodCase) -> str | None:
    """Logits move with their images: nothing depends on the place in the batch."""
    if case.card.randomness == "block-seeded":
        return "randomness is block-seeded: rows share one stream"
    order = [3, 0, 5, 1, 4, 2]
    moved = case.logits(case.images[order], examples=order)
    require_close(moved, case.logits(case.images)[order], ROW_TOLERANCE, "expected logits to move with their images")
    return None


def check_repeatable(case: MethodCase) -> str | None:
    """The same images (and noise, or seeds) give the same logits, bit for bit: resumed runs depend on it."""
    import torch

    first, second = case.logits(case.images), case.logits(case.images)
    how = {"none": "", "keyed": " and noise", "block-seeded": " and seeds"}[case.card.randomness]
    silent = case.card.randomness == "none"
    remedy = (
        '; if it draws random numbers, declare randomness="block-seeded" and run the checks again' if silent else ""
    )
    require(torch.equal(first, second), f"expected the same logits for the same images{how}, got others{remedy}")
    return None


def check_noise_is_used(case: MethodCase) -> str | None:
    """A method declared random is random in the noise it is given: else attacks would average over nothing."""
    import torch

    if case.card.randomness == "none":
        return "randomness is none"
    same = torch.equal(case.logits(case.images), case.logits(case.images, key=f"{KEY}/other"))
    what = "noise" if case.card.randomness == "keyed" else "seeds"
    require(not same, f"expected other logits for other {what}, got the same; declare randomness 'none'")
    return None


def check_global_generators(case: MethodCase) -> str | None:
    """No global generator is drawn from (or seeded): numbers would depend on what ran before."""
    if case.card.randomness == "block-seeded":
        return "randomness is block-seeded: declared to draw from global generators"
    with generators_untouched("classify"):
        case.logits(case.images)
    return None


def check_state_not_changed(case: MethodCase) -> str | None:
    """Parameters and buffers stay as loaded: a method that learns from the test images is not what its card says."""
    import torch

    from trustdm.bench.training.weights import state_digest

    thing = case.load()
    before = state_digest(thing)
    if before is None:
        return "it holds no parameters or buffers"
    for _ in range(2):
        with torch.enable_grad():
            case.logits(case.images.requires_grad_(), thing=thing)
    require(state_digest(thing) == before, "expected the same parameters and buffers after classify, got others")
    return None


def check_gradient_mode(case: MethodCase) -> str | None:
    """Logits are the same whether or not a gradient is taken: a method must not tell an attack from a test."""
    import torch

    with torch.no_grad():
        plain = case.logits(case.images)
    with torch.enable_grad():
        watched = case.logits(case.images.requires_grad_()).detach()
    require_close(watched, plain, ROW_TOLERANCE, "expected the same logits with and without requires_grad")
    return None


def check_gradient_reaches_input(case: MethodCase) -> str | None:
    """Some gradient reaches the images: zeros stop attacks without stopping an adversary."""
    import torch

    if case.card.gradient == "none":
        return "gradient is none"
    gradient = case.gradient(case.images, _mixture(case))
    require(bool(torch.isfinite(gradient).all()), "expected a finite gradient, got NaN or infinity")
    require(bool(gradient.any()), "expected a gradient, got zeros for every image; declare gradient 'none'")
    return None


def check_gradient_exact(case: MethodCase) -> str | None:
    """The gradient is the slope of the logits: a straight-through or detached one must be declared a surrogate."""
    import torch

    if case.card.gradient != "exact":
        return f"gradient is {case.card.gradient}"
    x, weights = case.images, _mixture(case)
    gradient = case.gradient(x, weights).double()
    signs = case.normal("signs", x.shape, DIRECTIONS).sign()
    taken = torch.stack([(gradient * sign).flatten(1).sum(1) for sign in signs])
    errors = []
    for step in STEPS:
        measured = torch.stack([_slope(case, sign * step, weights) / step for sign in signs])
        size = max(float(measured.norm()), float(taken.norm()), 1e-12)
        errors.append(float((measured - taken).norm()) / size)
        if errors[-1] <= SLOPE_TOLERANCE:
            return None
    raise ContractError(
        f"expected the gradient to agree with central differences to {SLOPE_TOLERANCE:.0%}, got {min(errors):.0%} off; "
        "declare gradient 'surrogate', 'bpda' or 'none'"
    )


def check_load_is_repeatable(case: MethodCase) -> str | None:
    """Loading twice gives the same parameters and buffers: weights come from a checkpoint, not from chance."""
    from trustdm.bench.training.weights import state_digest

    first, second = state_digest(case.load()), state_digest(case.load())
    require(first == second, "expected two loads to give the same parameters and buffers, got others")
    return None


def _mixture(case: MethodCase) -> Tensor:
    """(6, K) fixed weights that turn logits into one number an image."""
    return case.normal("mixture", (case.card.classes,))


def _slope(case: MethodCase, move: Tensor, weights: Tensor) -> Tensor:
    """(6,) half the difference of the weighted logits at the images plus and minus ``move``."""
    import torch

    with torch.no_grad():
        ahead, behind = case.logits(case.images + move).double(), case.logits(case.images - move).double()
    return ((ahead - behind) * weights).sum(1) / 2


CHECKS: tuple[Check, ...] = (
    check_logits,
    check_extremes,
    check_not_probabilities,
    check_input_not_modified,
    check_batch_of_one,
    check_permutation,
    check_repeatable,
    check_noise_is_used,
    check_global_generators,
    check_state_not_changed,
    check_gradient_mode,
    check_gradient_reaches_input,
    check_gradient_exact,
    check_load_is_repeatable,
)
