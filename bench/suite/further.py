"""Evaluations that a suite does not list: somebody measures its methods further, and is named with what came out.

Their names begin with a mark that no name in a suite file can have, so that none of a suite is ever taken for one.
The identity of such a cell has the digest of the suite as it is and the parameters of that evaluation with whoever it
is by: nothing that is stored moves.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from trustdm.bench.contracts import NAME
from trustdm.bench.hashing import canonical_json
from trustdm.bench.printable import printable

if TYPE_CHECKING:  # names of types only: a suite is read before anybody looks at its cells
    from trustdm.bench.suite.load import Suite
    from trustdm.bench.suite.models import Evaluation, MetricSpec

MARK: Final = "+"
BY: Final = "by"
"""The key among the stored parameters that has the names; no protocol is given it."""
MOST_NAMES: Final = 20
LONGEST_NAME: Final = 100


@dataclass(frozen=True)
class Further:
    """One evaluation beside those of a suite; ``label`` is what it is called, ``by`` who is to be named for it."""

    label: str
    evaluation: Evaluation
    by: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What it is called among the evaluations of a suite."""
        return f"{MARK}{self.label}"

    @property
    def stored(self) -> Mapping[str, Any]:
        """Its parameters as part of an identity."""
        return {**self.evaluation.params, BY: list(self.by)}


def is_further(evaluation: str) -> bool:
    """Whether the name of an evaluation is that of one which no suite lists."""
    return evaluation.startswith(MARK)


def falling(suite: Suite) -> list[MetricSpec]:
    """The metrics that fall with further evaluations; none where the ranking metric does not, or more is better not."""
    ranking = suite.ranking_metric
    if ranking.direction != "higher" or not suite.task.falls(ranking):
        return []
    same = [m for m in suite.metrics if (m.evaluation, m.direction) == (ranking.evaluation, ranking.direction)]
    return [metric for metric in same if suite.task.falls(metric)]


def asked(suite: Suite, evaluation: str) -> list[MetricSpec]:
    """The metrics that are told of a cell of this evaluation."""
    if is_further(evaluation):
        return falling(suite)
    return [metric for metric in suite.metrics if metric.evaluation == evaluation]


def label_of(evaluation: str) -> str:
    """What such an evaluation is called."""
    return printable(evaluation.removeprefix(MARK))


def authors_fault(names: object) -> str:
    """What is wrong with a list of names; empty if nothing is. They are strangers' texts: few, short, printable."""
    expected = f"at most {MOST_NAMES} names of 1 to {LONGEST_NAME} printable characters"
    if not isinstance(names, list | tuple) or len(names) > MOST_NAMES:
        return expected
    sound = all(isinstance(n, str) and 0 < len(n) <= LONGEST_NAME and n.isprintable() and n.strip() for n in names)
    return "" if sound else expected


def credit(params: str) -> tuple[str, ...]:
    """Who is named in stored parameters (JSON); nobody where they cannot be read."""
    names = _table(params).get(BY, ())
    return () if authors_fault(names) else tuple(names)


def evaluation_of(suite: Suite, name: str, params: str) -> Evaluation | None:
    """The evaluation of that name: one of the suite's, or a further one with these stored parameters (JSON).

    None where there is none: the suite lists no such name, or its task takes no further evaluation of this kind.
    """
    if not is_further(name):
        return suite.evaluations.get(name)
    table = dict(_table(params))
    if not re.fullmatch(NAME, name.removeprefix(MARK)) or authors_fault(table.pop(BY, None)):
        return None
    return suite.task.further(suite, table)


def params_of(suite: Suite, name: str, params: str) -> str | None:
    """The one text of the parameters that the identity of such a cell has; None where there is no such evaluation."""
    found = evaluation_of(suite, name, params)
    if found is None:
        return None
    named = {BY: _table(params)[BY]} if is_further(name) else {}
    return canonical_json({**found.params, **named})


def _table(params: str) -> Mapping[str, Any]:
    try:
        value = json.loads(params or "{}")
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
