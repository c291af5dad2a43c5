"""Which sequences was a model of sequences fitted on? Told from the likelihoods that it gives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from trustdm.bench.suite.fields import FractionText, Sentence, Whole
from trustdm.bench.suite.models import Problem, Table
from trustdm.bench.tasks.contract import Flag, Metric, Task, table_of, test_list_faults
from trustdm.bench.tasks.positions import Positions
from trustdm_sequences.flags import gives_back_whole

if TYPE_CHECKING:
    from trustdm.bench.suite.load import Suite

MEMBERSHIP = "membership"
"""The evaluation protocol that looks at every sequence several times."""
METRICS = "trustdm_sequences.metrics"


class Sequences(Table):
    """Each sequence is looked at through ``keys`` random masks; ``knows`` says what whoever looks knows beside it."""

    keys: Whole
    vocabulary: Whole
    knows: Sentence


class Rate(Table):
    """``fpr`` is a fraction in text."""

    fpr: FractionText


class SequenceTask(Task):
    """Suites with a table ``[sequences]``."""

    name = "sequences"
    key = "sequences"
    title = "Memorised sequences"
    summary = "members of the training data told from others by the likelihood of a sequence"
    table = Sequences
    capability = "token_logprobs"
    loose = frozenset({"knows"})
    unit = "sequence"
    view = "trustdm_sequences.pages:VIEW"
    plugins = tuple(f"trustdm_sequences.{name}" for name in ("capability", "corpus", "steps", "protocols", "methods"))
    metrics = (
        Metric(
            "tpr-at-fpr",
            f"{METRICS}:true_positives",
            "share",
            "Share of members that are recognised where at most {fpr} of the others are taken for members",
            Rate,
        ),
        Metric("code-length", f"{METRICS}:code_length", "bits", "Bits a token takes under the model's probabilities"),
    )
    flags = (
        Flag(
            "gives-back-whole",
            "warn",
            "Knows how whole sequences go on: it has learned them by heart.",
            gives_back_whole,
        ),
        Flag("failures", "bad", "The model failed on some sequences; no score counts these."),
    )

    def faults(self, suite: Suite) -> Iterator[Problem]:
        """There must be sequences to look at, and some to fit a reference on; no metric counts a failure."""
        yield from test_list_faults(suite)
        if suite.failures != "excluded":
            yield Problem("failures", "excluded", suite.failures)
        if not len(suite.train):
            yield Problem("data.splits.train", "sequences to fit the reference model on", "none")

    def positions(self, suite: Suite, evaluation: str) -> Positions:
        """Under the protocol of masks position i is mask i % keys of sequence i // keys of the test list."""
        spec = suite.evaluations.get(evaluation)
        if spec is None or spec.protocol != MEMBERSHIP:
            return Positions(suite.test)
        return Positions.count(suite.size.full, sequences(suite).keys)

    def says(self, suite: Suite) -> Sequence[str]:
        """The question, and how it is asked."""
        return ["who was a member", f"{sequences(suite).keys} random masks a sequence", sequences(suite).knows]


def sequences(suite: Suite) -> Sequences:
    """The table ``[sequences]`` of a suite.

    Raises:
        UsageError: it has none.
    """
    table: Sequences = table_of(suite, Sequences)
    return table


TASK = SequenceTask()
