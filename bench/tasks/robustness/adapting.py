"""One block under adaptive attacks: candidates, verdicts under every draw, the gradient gate, signs of obfuscation."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trustdm.bench.method import contract_errors, seeded
from trustdm.bench.perturb import budget as budgets
from trustdm.bench.records import Records
from trustdm.bench.rng import Noise
from trustdm.bench.targets.randomized import RandomizedTarget
from trustdm.bench.tasks.protocol import BlockResult
from trustdm.bench.tasks.robustness import gate, judging, signs
from trustdm.bench.tasks.robustness.context import context_of
from trustdm.bench.tasks.robustness.gallery import gallery
from trustdm.bench.types import Status

if TYPE_CHECKING:
    from trustdm.bench.runner.job import Job
    from trustdm.bench.tasks.robustness.tables import Run

LEFT_BUDGET = 1e-6
DRAWS_AT_ONCE = 8
"""Draws of a whole batch in one forward pass: less where memory ran out, as the batch is halved then."""
Index = NDArray[np.int64]


class Adapting:
    """What a block has led to so far."""

    def __init__(self, job: Job):
        self.context = context = context_of(job)
        self._thing = job.method.thing
        logits = [judging.logits(context, context.x, draw) for draw in range(context.draws)]
        judging.require_declared(context, logits[0])
        clean = judging.records(context, "clean", logits)
        self.parts = [clean]
        self.counts = {"projected_rows": 0.0, "same_draw_rows": _unmoved(logits)}
        right = (clean.status == Status.CORRECT).reshape(context.draws, -1)
        self.rows: Index = np.flatnonzero(right.any(0))
        self.shown = context.x.clone()
        self._gated = False
        if len(self.rows):
            self._gate("clean", context.x)

    def attack(self, run: Run) -> None:
        """One run of one attack on every image that some draw gets right; the others are wrong already."""
        if run.access == "noise":
            self._attack_each_draw(run)
            return
        for end, candidates in self.candidates(run).items():
            self.judge(run.probes[end], [candidates] * self.context.draws)
        if run.access == "gradient" and not self._gated and len(self.rows):
            self._gate("attacked", self.shown)
            self._gated = True

    def result(self) -> BlockResult:
        """The records, AutoAttack's warnings, the counts of the gate and of the signs, and the first images."""
        first = self.context.block.start == 0
        counts = judging.warnings(self.context) | self.counts | (self._signs() if first else {})
        images = gallery(self.context, self.shown, self.parts) if first else {}
        return BlockResult(Records.concat(self.parts), counts, images)

    def _attack_each_draw(self, run: Run) -> None:
        """An adversary who knows the noise makes another image for each draw; each is judged under its own."""
        found: dict[str, list[Tensor]] = {}
        for draw in range(self.context.draws):
            for end, candidates in self.candidates(run, draw).items():
                found.setdefault(end, []).append(candidates)
        for end, each in found.items():
            self.judge(run.probes[end], each)

    def candidates(self, run: Run, known: int | None = None) -> dict[str, Tensor]:
        """The ends of a search, (n, C, H, W) for ``rows``, inside the budget; the images themselves where it cannot
        be mounted. ``known`` is the draw that the adversary knows."""
        context, name = self.context, run.probes[""]
        found: dict[str, list[Tensor]] = {end: [] for end in run.probes}
        with seeded(context.key, context.block.start, name, 0 if known is None else known):
            for part in context.batches(self.rows):
                x, y = context.x[_on(part, context.x)], context.y[_on(part, context.x)]
                target = self._target(name, part, known)
                ends = self._search(run, target, x, y, Noise(f"{context.key}/{name}", context.examples[part]))
                for end, candidates in ends.items():
                    found[end].append(self._inside(x, candidates.detach()))
        return {end: torch.cat(parts) if parts else context.x[:0] for end, parts in found.items()}

    def _search(self, run: Run, target: RandomizedTarget, x: Tensor, y: Tensor, noise: Noise) -> dict[str, Tensor]:
        mounted = target.stages if run.access == "stages" else True
        if run.access == "noise" and self.context.target.randomness == "block-seeded":
            mounted = False  # what it draws depends on the batch, which an attack does not keep
        if not mounted:
            self._add("unmounted_rows", len(x))
            return {end: x.clone() for end in run.probes}
        given = (target, x.clone(), y.clone(), self.context.budget, noise)
        attack: Any = run.attack
        with contract_errors(f"attack {run.probes['']}"):
            return dict(attack.ends(*given)) if len(run.probes) > 1 else {"": attack.perturb(*given)}

    def _target(self, name: str, rows: Index, known: int | None = None) -> RandomizedTarget:
        context = self.context
        target = context.target.keyed(f"{context.key}/{name}")
        at_once = DRAWS_AT_ONCE * context.batch_size
        randomized = RandomizedTarget(target, self._thing, context.examples[rows], at_once)
        if known is None:
            return randomized
        return randomized.knowing(Noise(f"{context.key}/judge", context.examples[rows], known))

    def _inside(self, x: Tensor, raw: Tensor) -> Tensor:
        inside = budgets.project(x, raw, self.context.budget)
        self._add("projected_rows", int(((inside - raw).flatten(1).abs().amax(1) > LEFT_BUDGET).sum()))
        return inside

    def judge(self, probe: str, candidates: list[Tensor]) -> None:
        """Verdicts on the candidates of each draw. Each draw sees the whole block, as for the clean images."""
        context, rows = self.context, self.rows
        index = _on(rows, context.x)
        scores = []
        for draw, images in enumerate(candidates):
            whole = context.x.clone()
            whole[index] = images
            scores.append(judging.logits(context, whole, draw)[index])
        self.shown[index] = candidates[0]
        for draw, (images, logits) in enumerate(zip(candidates, scores, strict=True)):
            norm = budgets.norms(images - context.x[index], context.budget.norm).cpu().numpy()
            judged = judging.records(context, probe, [logits], rows, norm)
            self.parts.append(replace(judged, draw=np.full(len(rows), draw, dtype=np.int64)))
        others = np.setdiff1d(np.arange(len(context.examples)), rows)
        for draw in range(context.draws):
            status = np.full(len(others), Status.NOT_RUN)
            self.parts.append(Records.of(probe, context.examples[others], status, draw=draw))

    def _gate(self, where: str, images: Tensor) -> None:
        """Counts the rows whose declared gradient is not the measured one, among the first that are attacked."""
        context = self.context
        rows = self.rows[: gate.ROWS]
        examples = context.examples[rows]
        held = gate.held(context.target, Noise(f"{context.key}/gate/{where}", examples))
        index, directions = _on(rows, images), Noise(f"{context.key}/gate/{where}/directions", examples)
        told = gate.inspect(held, images[index], context.y[index], directions)
        self._add("gate_rows", len(rows))
        self._add("gate_wrong_rows", int(told.wrong.sum()))
        self._add("gate_unrepeatable_rows", int(told.unrepeatable.sum()))

    def _signs(self) -> dict[str, float]:
        context = self.context
        rows = self.rows[: signs.ROWS]
        if not len(rows):
            return {}
        x, y = context.x[_on(rows, context.x)], context.y[_on(rows, context.x)]
        noise = Noise(f"{context.key}/signs", context.examples[rows])

        def target(use: str) -> RandomizedTarget:
            return self._target(f"signs/{use}", rows)

        with seeded(context.key, "signs"):
            left = signs.unbounded_left(target, x, y, context.budget.norm, noise)
            rises = signs.margin_rises(target, x, y, context.budget, noise)
        return {"unbounded_rows": float(len(rows)), "unbounded_left_rows": float(left), "margin_rises": float(rises)}

    def _add(self, count: str, more: float) -> None:
        self.counts[count] = self.counts.get(count, 0.0) + more


def _unmoved(logits: list[Tensor]) -> float:
    """Images whose logits are the same under every draw, bit for bit; 0 where there is one draw."""
    if len(logits) < 2:
        return 0.0
    return float(torch.stack([(each == logits[0]).all(1) for each in logits[1:]]).all(0).sum())


def _on(rows: Index, like: Tensor) -> Tensor:
    return torch.as_tensor(rows, device=like.device)
