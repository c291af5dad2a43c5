"""How the harness itself looks at a method: logits for each draw, verdicts, AutoAttack's warnings as counts."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trustdm.bench.errors import ContractError
from trustdm.bench.method import contract_errors, seeded
from trustdm.bench.records import Records
from trustdm.bench.rng import Noise
from trustdm.bench.targets.classify import Target
from trustdm.bench.targets.passes import backward_calls
from trustdm.bench.tasks.robustness.context import Context
from trustdm.bench.types import Status

REPEATS = 3
"""Forward passes compared to see whether a method that calls itself deterministic is."""


def logits(context: Context, x: Tensor, draw: int, rows: NDArray[np.int64] | None = None) -> Tensor:
    """Logits (n, K) of ``x`` (n, C, H, W), whose rows are ``rows`` of the block (all by default).

    The noise of a draw belongs to (cell, example, draw): the clean image and every candidate are judged under the
    same draws, and no attack has seen these.
    """
    rows = np.arange(len(context.examples)) if rows is None else rows
    noise = Noise(f"{context.key}/judge", context.examples, draw)
    out = []
    with torch.no_grad(), seeded(context.key, context.block.start, "judge", draw):
        for start in range(0, len(rows), context.batch_size):
            part = slice(start, start + context.batch_size)
            out.append(context.target.on(noise.rows(rows[part]))(x[part]))
    return torch.cat(out) if out else x.new_zeros((0, context.target.classes))


def require_declared(context: Context, first: Tensor) -> None:
    """Refuses a method that calls itself deterministic and answers the block differently a second time.

    One lucky draw would be judged, and attacks would search on another function than the one they are judged on.
    ``first`` are its logits (B, K) for draw 0. What arithmetic in another order changes is let pass (``_differ``).

    Raises:
        ContractError: with what to write on the card.
    """
    if context.target.randomized:
        return
    if odd := int(_differ([first, logits(context, context.x, 1)])):
        raise ContractError(
            f"{context.target.name}: classify: expected the same logits for the same image, got others for {odd} of "
            f'{len(first)}: it draws random numbers without saying so; declare it with randomness="block-seeded" '
            '(or "keyed") on its card, and it is evaluated on several draws'
        )


def margin(scores: Tensor, y: Tensor) -> Tensor:
    """True logit minus the largest other one, (B,); positive where the prediction is right."""
    others = scores.clone()
    others[torch.arange(len(y), device=y.device), y] = -torch.inf
    return scores.gather(1, y[:, None])[:, 0] - others.amax(1)


def records(
    context: Context,
    probe: str,
    scores: list[Tensor],
    rows: NDArray[np.int64] | None = None,
    norm: NDArray[np.float64] | None = None,
) -> Records:
    """Verdicts of ``rows`` (all by default), one list entry of logits for each draw."""
    rows = np.arange(len(context.examples)) if rows is None else rows
    y = context.y[torch.as_tensor(rows, device=context.y.device)]
    parts = []
    for draw, values in enumerate(scores):
        label = values.argmax(1)
        status = torch.where(label == y, int(Status.CORRECT), int(Status.WRONG))
        parts.append(
            Records.of(
                probe,
                context.examples[rows],
                status.cpu().numpy(),
                draw=draw,
                label=label.cpu().numpy(),
                value=margin(values.double(), y).cpu().numpy(),
                norm=norm,
            )
        )
    return Records.concat(parts)


def warnings(context: Context) -> dict[str, float]:
    """AutoAttack's warnings about a defence (Croce and Hein 2020), as counts over the rows of the block.

    ``randomized_rows``: logits differ between equal forwards; ``probability_rows``: outputs are probabilities;
    ``zero_gradient_rows``: the gradient of the margin vanishes; ``test_time_optimisation``: backward passes made
    inside a forward. ("Square helps" is a property of the records, and the summary's job.)
    """
    totals = {"checked_rows": float(len(context.examples)), "unverified_rows": float((~context.verified).sum())}
    with seeded(context.key, context.block.start, "warnings"):
        target = context.target.keyed(f"{context.key}/warnings/{context.block.start}")
        for rows in context.batches():
            x, y = context.x[torch.as_tensor(rows)], context.y[torch.as_tensor(rows)]
            with torch.no_grad(), backward_calls() as calls:
                outputs = [target(x) for _ in range(REPEATS)]
            counts = {
                "randomized_rows": _differ(outputs),
                "probability_rows": _probabilities(outputs[0]),
                "zero_gradient_rows": _zero_gradients(target, x, y),
                "test_time_optimisation": float(len(calls)),
            }
            for name, count in counts.items():
                totals[name] = totals.get(name, 0.0) + count
    return totals


def _differ(outputs: list[Tensor], tolerance: float = 1e-4) -> float:
    unit = [o / (o.norm(dim=1, keepdim=True) + 1e-10) for o in outputs]
    apart = torch.stack([(u - unit[0]).norm(dim=1) > tolerance for u in unit])
    return float(apart.any(0).sum())


def _probabilities(output: Tensor, tolerance: float = 1e-5) -> float:
    inside = ((output > -tolerance) & (output < 1 + tolerance)).all(1)
    return float((inside & ((output.sum(1) - 1).abs() < tolerance)).sum())


def _zero_gradients(target: Target, x: Tensor, y: Tensor) -> float:
    x = x.detach().clone().requires_grad_()
    with torch.enable_grad(), contract_errors("the gradient of the margin"):
        gradient = torch.autograd.grad(margin(target(x), y).sum(), x)[0]
    return float((gradient.flatten(1).abs().sum(1) == 0).sum())
