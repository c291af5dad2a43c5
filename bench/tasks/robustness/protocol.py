"""Robust accuracy: attacks one after the other, each on what the earlier ones left (Croce and Hein 2020).

A deterministic example is attacked until the first success; later attacks are recorded as not run. A randomized
method is never judged by one lucky draw: every attack runs on every example, and each candidate is judged on fresh
draws. The harness projects to the budget, re-checks norm, box and NaN, and judges success itself.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trustdm.bench.construct import construct
from trustdm.bench.contracts import Attack, ProtocolCard, protocol
from trustdm.bench.errors import UsageError
from trustdm.bench.records import Records
from trustdm.bench.registry import Registry
from trustdm.bench.rng import Noise
from trustdm.bench.tasks.protocol import BlockResult, EvaluationProtocol
from trustdm.bench.tasks.robustness.records_check import margin_fault
from trustdm.bench.tasks.robustness.task import budget_of
from trustdm.bench.types import Counts, Status

if TYPE_CHECKING:
    from torch import Tensor

    from trustdm.bench.runner.job import Job
    from trustdm.bench.suite.load import Suite
    from trustdm.bench.tasks.robustness.context import Context

WARNING_FORWARDS = 5
COUNTS = {"steps", "iterations", "queries", "targets", "restarts"}
"""Parameters of attacks that say how long they search."""


CARD = ProtocolCard(
    name="adversarial",
    version="1",
    summary="attacks in sequence; survivors are robust",
    task="robustness",
    value="margin: the true logit minus the largest other one",
)


@protocol(CARD)
class Adversarial(EvaluationProtocol):
    """Probes "clean" and one for each attack, named after it.

    Args:
        attacks: tables with the name of an attack and its parameters, run in this order on what is still correct.
    """

    def __init__(self, registry: Registry, *, attacks: list[Mapping[str, Any]]):
        if not attacks or not all(isinstance(a, Mapping) and "name" in a for a in attacks):
            raise UsageError(f"attacks: expected a list of tables, each with a name, got {attacks!r}")
        self.names = [str(a["name"]) for a in attacks]
        if len(set(self.names)) < len(self.names):
            raise UsageError(f"attacks: expected each attack once, got {', '.join(self.names)}")
        self._registry = registry
        self._tables = [{k: v for k, v in a.items() if k != "name"} for a in attacks]
        self.attacks = [self._attack(n, table) for n, table in zip(self.names, self._tables, strict=True)]

    def _attack(self, name: str, table: Mapping[str, Any]) -> Attack:
        found: Attack = construct(self._registry.get("attack", name).load(), table, f"attacks.{name}")
        return found

    def shortened(self, at: int, most: int) -> Attack:
        """Attack number ``at`` with every count (steps, iterations, queries, targets) at most ``most``; to be timed."""
        name = self.names[at]
        options = inspect.signature(self._registry.get("attack", name).load(), eval_str=True).parameters
        counts = {k for k, p in options.items() if k in COUNTS and isinstance(p.default, int)}
        short = {k: min(int(self._tables[at].get(k, options[k].default)), most) for k in counts}
        return self._attack(name, {**self._tables[at], **short})

    def check(self, suite: Suite) -> None:
        """Asks every attack."""
        for attack in self.attacks:
            attack.check(budget_of(suite), suite.data.classes)

    def passes(self, classes: int, draws: int) -> Counts:
        each = [a.passes(classes) for a in self.attacks]
        judging = draws * (1 + len(each)) + WARNING_FORWARDS
        return Counts(sum(c.forwards for c in each) + judging, sum(c.gradients for c in each) + 1)

    def probes(self) -> tuple[str, ...]:
        return ("clean", *self.names)

    def code(self, suite: Suite) -> tuple[object, ...]:
        return (Adversarial, *(type(a) for a in self.attacks))

    @staticmethod
    def record_fault(records: Records) -> str:
        """A verdict must follow from its margin."""
        return margin_fault(records)

    def seconds(self, job: Job) -> float | None:
        """The sum over the attacks, each made short and scaled by the passes that both may take."""
        from trustdm.bench.tasks.robustness.timing import attack_seconds

        return sum(attack_seconds(job, self, at) for at in range(len(self.attacks)))

    def run(self, job: Job) -> BlockResult:
        """Runs the attacks in order and judges each candidate."""
        from trustdm.bench.tasks.robustness import judging
        from trustdm.bench.tasks.robustness.context import context_of
        from trustdm.bench.tasks.robustness.gallery import gallery

        context = context_of(job)
        logits = [judging.logits(context, context.x, draw) for draw in range(context.draws)]
        judging.require_declared(context, logits[0])
        clean = judging.records(context, "clean", logits)
        state = State(context, clean)
        for name, attack in zip(self.names, self.attacks, strict=True):
            state.attack(name, attack)
        diagnostics = judging.warnings(context) | {"projected_rows": float(state.projected)}
        artefacts = gallery(context, state.shown, state.parts) if context.block.start == 0 else {}
        return BlockResult(Records.concat(state.parts), diagnostics, artefacts)


class State:
    """Which rows of a block still stand while the attacks go over it."""

    def __init__(self, context: Context, clean: Records):
        self.context = context
        self.parts = [clean]
        self.projected = 0
        right = (clean.status == Status.CORRECT).reshape(context.draws, -1)
        self.standing: NDArray[np.bool_] = right.any(0)
        self.shown = context.x.clone()

    def attack(self, name: str, attack: Attack) -> None:
        """One attack over the rows that stand; the others are recorded as not run."""
        from trustdm.bench.tasks.robustness import judging

        context = self.context
        rows = np.flatnonzero(self.standing)
        candidates, norm = self._candidates(name, attack, rows)
        self.shown[_index(rows, context.x)] = candidates
        judged = judging.records(context, name, self._scores(candidates, rows), rows, norm)
        self.parts += [judged, self._not_run(name, np.flatnonzero(~self.standing))]
        if not context.target.randomized:
            self.standing[rows] = judged.status == Status.CORRECT

    def _scores(self, candidates: Tensor, rows: NDArray[np.int64]) -> list[Tensor]:
        """Logits of the candidates for each draw.

        A randomized method is shown the whole block, so that one that draws from global generators draws the same
        numbers for the same image under every probe.
        """
        from trustdm.bench.tasks.robustness import judging

        context = self.context
        if not context.target.randomized:
            return [judging.logits(context, candidates, 0, rows)]
        whole = context.x.clone()
        whole[_index(rows, whole)] = candidates
        return [judging.logits(context, whole, d)[_index(rows, whole)] for d in range(context.draws)]

    def _candidates(self, name: str, attack: Attack, rows: NDArray[np.int64]) -> tuple[Tensor, NDArray[np.float64]]:
        import torch

        from trustdm.bench.method import contract_errors, seeded
        from trustdm.bench.perturb import budget as budgets

        context = self.context
        noise = Noise(f"{context.key}/{name}", context.examples)
        found, norms = [context.x[:0]], [np.zeros(0)]
        with seeded(context.key, context.block.start, name):
            for part in context.batches(rows):
                index = _index(part, context.x)
                x, y = context.x[index], context.y[index]
                target = context.target.keyed(f"{context.key}/{name}", context.examples[part])
                with contract_errors(f"attack {name}"):
                    raw = attack.perturb(target, x.clone(), y.clone(), context.budget, noise.rows(part)).detach()
                    inside = budgets.project(x, raw, context.budget)
                self.projected += int(((inside - raw).flatten(1).abs().amax(1) > 1e-6).sum())
                found.append(inside)
                norms.append(budgets.norms(inside - x, context.budget.norm).cpu().numpy())
        return torch.cat(found), np.concatenate(norms)

    def _not_run(self, name: str, rows: NDArray[np.int64]) -> Records:
        examples = self.context.examples[rows]
        return Records.concat(
            Records.of(name, examples, np.full(len(rows), Status.NOT_RUN), draw=d) for d in range(self.context.draws)
        )


def _index(rows: NDArray[np.int64], like: Tensor) -> Any:
    import torch

    return torch.as_tensor(np.asarray(rows), device=like.device)
