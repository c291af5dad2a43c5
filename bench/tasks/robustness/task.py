"""Adversarial robustness: how many examples stay correct under attacks that know the method."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from math import prod
from typing import TYPE_CHECKING, Any, Literal

from trustdm.bench.contracts import Norm
from trustdm.bench.registry import Registry
from trustdm.bench.suite.fields import FractionText, Sentence
from trustdm.bench.suite.models import Evaluation, Problem, Table
from trustdm.bench.tasks.claim import ROWS, ArrayForm
from trustdm.bench.tasks.contract import Metric, NewData, Start, Task, image_faults, table_of, test_list_faults
from trustdm.bench.tasks.robustness import flags, outside, starting
from trustdm.bench.tasks.robustness.published import PUBLISHED, TERMS, told_apart
from trustdm.bench.tasks.robustness.tables import attack_label, attack_tables, probe_names
from trustdm.bench.types import Budget

INT64 = 2**63 - 1

if TYPE_CHECKING:
    from trustdm.bench.suite.load import Suite
    from trustdm.bench.suite.models import MetricSpec

CLEAN, ATTACKED, ADAPTIVE = "clean", "adversarial", "adaptive"
"""The protocols, and the probe before any attack."""
PASSES, CLASSIFIED = "network_images", "classified_images"
"""Counts of a clean evaluation: images that went through networks, and images that were classified by these."""
NORMS = {"linf": "L∞", "l2": "L2"}


class Adversary(Table):
    """``norm`` and ``eps`` (a fraction in text) bound what may be added; ``knows`` and ``wins`` are sentences."""

    norm: Norm
    eps: FractionText
    knows: Sentence
    wins: Sentence


class Draws(Table):
    """How the draws of a randomized method are put together: their mean, the worst of them, or a majority of them."""

    over: Literal["mean", "worst", "majority"] | None = None


class Robust(Draws):
    """``attack`` is the label of one attack; without it, all of them that rank."""

    attack: str = ""


class Robustness(Task):
    """Suites with a table ``[adversary]``."""

    name = "robustness"
    key = "adversary"
    title = "Adversarial robustness"
    summary = "accuracy on clean images and under attacks within a norm budget"
    table = Adversary
    capability = "classify"
    loose = frozenset({"knows", "wins"})
    unit = "example"
    view = "trustdm.leaderboard.tasks.robustness.view:VIEW"
    claims = "trustdm.bench.tasks.robustness.claims:contradictions"
    plugins = (
        "trustdm.bench.tasks.robustness.protocol",
        "trustdm.bench.tasks.robustness.adaptive",
        "trustdm.bench.tasks.robustness.clean",
    )
    metrics = (
        Metric(
            "accuracy",
            "trustdm.bench.tasks.robustness.metrics:accuracy",
            "share",
            "Share of examples classified correctly, whatever other attacks do",
            Draws,
        ),
        Metric(
            "survival",
            "trustdm.bench.tasks.robustness.metrics:survival",
            "share",
            "Share of examples still correct after every attack so far (robust accuracy)",
            Draws,
        ),
        Metric(
            "robust_accuracy",
            "trustdm.bench.tasks.robustness.adapted:robust_accuracy",
            "share",
            "Least accuracy that any attack left (of one attack: over its runs and ends), over fresh draws",
            Robust,
        ),
        Metric(
            "passes",
            "trustdm.bench.tasks.robustness.metrics:passes",
            "count",
            "Network evaluations that classify one clean image, as the harness counted; a purifier's cost",
        ),
    )
    flags = flags.FLAGS
    published = PUBLISHED
    terms = TERMS

    def faults(self, suite: Suite) -> Iterator[Problem]:
        """The data must be divided, and pinned where methods are trained on them; the budget lie in the box [0, 1]."""
        yield from test_list_faults(suite)
        yield from _data_faults(suite)
        yield from image_faults(suite)
        yield from _budget_faults(suite)
        yield from _attack_faults(suite)

    def arrays(self, suite: Suite, protocol: str) -> Mapping[str, ArrayForm] | None:
        """The attacked images that a page shows, as many as there are; the logits of older versions."""
        images = ArrayForm("f", ("shown", *suite.data.shape), 0, 1)
        of_class = ArrayForm("iu", ("shown",), -1, suite.data.classes - 1)
        attacked = {
            "x": images,
            "x_adv": images,
            "gallery_examples": ArrayForm("iu", ("shown",), 0, float(INT64)),
            "gallery_labels": of_class,
            "gallery_predictions": of_class,
        }
        clean = {"logits": ArrayForm("f", (ROWS, suite.data.classes))}
        return {CLEAN: clean, ATTACKED: attacked, ADAPTIVE: attacked}.get(protocol)

    def probe_order(self, params: Mapping[str, Any]) -> Sequence[str]:
        """The clean image, then the attacks in the order of the suite; a stored suite may have anything there."""
        named = (names for table in attack_tables(params) for names in probe_names(table))
        return [CLEAN, *(probe for names in named for probe in names.values())]

    def says(self, suite: Suite) -> Sequence[str]:
        """The budget; who the adversary is, and when it wins."""
        table = adversary(suite)
        budget = f"{NORMS[table.norm]} robustness, ε = {table.eps}"
        return [budget, f"adversary: {budget}; {table.knows}", f"wins when: {table.wins}"]

    def further(self, suite: Suite, params: Mapping[str, Any]) -> Evaluation | None:
        """One attack from outside, under the protocol by which the suite ranks."""
        return outside.evaluation(suite, params)

    def falls(self, metric: MetricSpec) -> bool:
        """What every attack left; not what one of them did."""
        return outside.falls(metric)

    def told_apart(self, params: Mapping[str, Any]) -> str:
        """The attack and how its candidates were judged."""
        return told_apart(params)

    def start(self, data: NewData, registry: Registry) -> Start:
        """PGD and AutoAttack within 8/255 in linf; see ``starting``."""
        return starting.start(data)

    def headline(self, suite: Suite) -> Sequence[MetricSpec]:
        """No single attacks of an ensemble."""
        return [m for m in suite.metrics if m.probe in ("", CLEAN)]


def adversary(suite: Suite) -> Adversary:
    """The table ``[adversary]`` of a suite.

    Raises:
        UsageError: it has none.
    """
    table: Adversary = table_of(suite, Adversary)
    return table


def budget_of(suite: Suite) -> Budget:
    """What the adversary may add."""
    table = adversary(suite)
    return Budget(table.norm, Fraction(table.eps))


def _data_faults(suite: Suite) -> Iterator[Problem]:
    """Data that are only measured on have no training list, and may be left unpinned: they are part of every result."""
    lists = suite.data.splits
    train, validation = (lists.train, lists.validation) if lists else ((), ())
    if suite.data.digest is None and train:
        yield Problem("data.digest", "a value", "nothing")
    if suite.data.digest is not None and not train:
        yield Problem("data.splits.train", "a value", "nothing")
    if not validation:
        yield Problem("data.splits.validation", "a value", "nothing")


def _attack_faults(suite: Suite) -> Iterator[Problem]:
    """An attacked evaluation lists its attacks, each a table with a name of its own."""
    for name, spec in suite.evaluations.items():
        if spec.protocol not in (ATTACKED, ADAPTIVE):
            continue
        got, named = spec.params.get("attacks"), attack_tables(spec.params)
        if not named or len({attack_label(table) for table in named}) < len(got or ()):
            yield Problem(f"evaluations.{name}.attacks", "a list of tables, each with a name of its own", got)


def _budget_faults(suite: Suite) -> Iterator[Problem]:
    """At most 1 in L-infinity, at most the diagonal of the box in L2."""
    budget = budget_of(suite)
    if budget.norm == "linf" and budget.eps > 1:
        yield Problem("adversary.eps", "at most 1, the range of a pixel", str(budget.eps))
    if budget.norm == "l2" and budget.eps**2 > prod(suite.data.shape):
        yield Problem("adversary.eps", f"at most the square root of {prod(suite.data.shape)}", str(budget.eps))


TASK = Robustness()
