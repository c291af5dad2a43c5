"""Randomized defences, evaluated honestly: every attack on every image, judged on draws that no attack has seen.

Against AutoAttack's "rand" version, which drops an image after one wrong draw and judges by the last one: here no image
is dropped, each attack, run and end of a search is judged by itself under all draws, and the gradient that the
attacks followed is checked before it counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from trustdm.bench.contracts import ProtocolCard, protocol
from trustdm.bench.errors import UsageError
from trustdm.bench.registry import MARK, Registry
from trustdm.bench.tasks.protocol import BlockResult
from trustdm.bench.tasks.robustness import tables
from trustdm.bench.tasks.robustness.protocol import WARNING_FORWARDS, Adversarial
from trustdm.bench.types import Counts

if TYPE_CHECKING:
    from trustdm.bench.runner.job import Job
    from trustdm.bench.suite.models import MetricSpec

GATE_FORWARDS = 160
"""Forwards that the gate takes of each image that it looks at, twice; few images of a block are."""


@protocol(
    ProtocolCard(
        name="adaptive",
        version="1",
        summary="every attack on every image, each judged on fresh draws; the gradient is checked",
        task="robustness",
        value="margin: the true logit minus the largest other one",
    )
)
class Adaptive(Adversarial):
    """Probes "clean", and for each attack one for each run and end: "pgd-eot", "pgd-eot.2-last".

    Args:
        attacks: tables with the name of an attack and its parameters. ``as`` is another label for it; ``runs``, how
            often it is begun, each time from its own noise; ``last``: whether its last iterate is judged as well;
            ``ranks = false`` leaves it out of the headline, as its adversary knows more than the threat model says.
    """

    def __init__(self, registry: Registry, *, attacks: list[Mapping[str, Any]]):
        tables.check(attacks)
        self._registry = registry
        self.names = [str(a["name"]) for a in attacks]
        self._tables = [{k: v for k, v in a.items() if k not in tables.OWN_KEYS} for a in attacks]
        self._listed = attacks
        self.attacks = [self._attack(n, table) for n, table in zip(self.names, self._tables, strict=True)]
        for attack, table in zip(self.attacks, attacks, strict=True):
            if table.get("last") and not callable(getattr(attack, "ends", None)):
                raise UsageError(
                    f"attacks.{tables.attack_label(table)}.last: expected an attack that tells its last iterate apart, "
                    f"got {table['name']}"
                )

    def runs(self) -> Iterator[tables.Run]:
        """Every run of every attack, in order."""
        for table, attack in zip(self._listed, self.attacks, strict=True):
            for names in tables.probe_names(table):
                yield tables.Run(attack, getattr(attack, MARK)[0].card.access, names)

    def passes(self, classes: int, draws: int) -> Counts:
        forwards, gradients, judged = 0, 0, draws
        for run in self.runs():
            each, times = run.attack.passes(classes), draws if run.access == "noise" else 1
            forwards, gradients = forwards + times * each.forwards, gradients + times * each.gradients
            judged += draws * len(run.probes)
        return Counts(forwards + judged + WARNING_FORWARDS + 2 * GATE_FORWARDS, gradients + 3)

    def probes(self) -> tuple[str, ...]:
        return ("clean", *(probe for run in self.runs() for probe in run.probes.values()))

    def code(self, suite: Any) -> tuple[object, ...]:
        return (Adaptive, *dict.fromkeys(type(attack) for attack in self.attacks))

    def metric_fault(self, metric: MetricSpec) -> tuple[str, str] | None:
        """A metric of one attack names one that is there."""
        named = str(metric.params.get("attack", ""))
        labels = [tables.attack_label(table) for table in self._listed]
        if named and named not in labels:
            return f"attack: one of {', '.join(labels)}", repr(named)
        return None

    def seconds(self, job: Job) -> float | None:
        """The sum over the runs, each made short and scaled; a sixth more for verdicts, the gate and the signs."""
        from trustdm.bench.tasks.robustness.timing import adaptive_seconds

        return adaptive_seconds(job, self)

    def run(self, job: Job) -> BlockResult:
        """Runs every attack on the block and judges each candidate under every draw."""
        from trustdm.bench.tasks.robustness.adapting import Adapting

        state = Adapting(job)
        for run in self.runs():
            state.attack(run)
        return state.result()
