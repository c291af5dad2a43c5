"""Small suites and cells made by hand, as the runner stores them: one letter for each example."""

from __future__ import annotations

import numpy as np

from trustdm.bench.hashing import canonical_json
from trustdm.bench.plugins import stored_suite
from trustdm.bench.records import CellResult, Records
from trustdm.bench.types import CellIdentity, Cost, Status

LETTERS = {"C": Status.CORRECT, "W": Status.WRONG, "-": Status.NOT_RUN, "F": Status.FAILED, "A": Status.ABSTAINED}
ATTACKS = ("apgd-ce", "square")
METRICS = (
    ("clean_accuracy", "clean", "accuracy", "clean"),
    ("robust_accuracy", "attacked", "survival", ""),
    ("apgd_accuracy", "attacked", "survival", "apgd-ce"),
)


def toy(test, *, direction="higher", metrics=METRICS, shape=(1, 8, 8), classes=10, **changes):
    """A real suite of these test examples."""
    raw = {
        "name": "toy",
        "version": 2,
        "title": "Toy",
        "seeds": [0, 5],
        "adversary": {"norm": "linf", "eps": "1/10", "knows": "all", "wins": "if the label changes"},
        "data": {
            "dataset": "digits",
            "digest": "0" * 64,
            "shape": list(shape),
            "classes": classes,
            "splits": {"train": "90000", "validation": "90001", "test": [int(i) for i in test]},
        },
        "size": {"demo": 1, "full": len(test)},
        "evaluations": {
            "clean": {"protocol": "clean"},
            "attacked": {"protocol": "adversarial", "attacks": [{"name": a} for a in ATTACKS]},
        },
        "metrics": [
            {"name": n, "evaluation": e, "statistic": s, "probe": p, "direction": direction, **dict(*params)}
            for n, e, s, p, *params in metrics
        ],
        "ranking": {"metric": "robust_accuracy"},
        **changes,
    }
    return stored_suite(canonical_json(raw), "toy.toml")


SUITE = toy([7, 3, 5, 1])
BIG = toy(np.random.default_rng(0).permutation(60))


def records(examples, draw=0, **probes):
    """One letter for each example of the list, in its order; _ in a name stands for -."""
    return Records.concat(
        Records.of(p.replace("_", "-"), list(examples)[: len(x)], [LETTERS[c] for c in x], draw=draw)
        for p, x in probes.items()
    )


def cell(number, evaluation, found, suite=SUITE, **changes):
    own = {k: changes.pop(k) for k in list(changes) if k in CellResult.__dataclass_fields__}
    spec = suite.evaluations.get(evaluation)
    identity = {
        "method": "net",
        "method_version": "1",
        "method_params": (),
        "weights": ("w",),
        "suite": suite.name,
        "suite_version": suite.version,
        "suite_digest": suite.digest,
        "data_digest": suite.data.digest,
        "evaluation": evaluation,
        "protocol": evaluation,
        "protocol_version": "1",
        "params": canonical_json(spec.params) if spec else "{}",
        "block_rule": suite.block_rule,
        "precision": suite.precision,
        "seed": 0,
        **changes,
    }
    return CellResult(
        **{
            "id": number,
            "identity": CellIdentity(**identity),
            "planned": len(suite.test),
            "card": {"title": "A net"},
            "records": found,
            "cost": Cost(),
            **own,
        }
    )


def both(number, clean, apgd, square, suite=SUITE, **changes):
    """The clean and the attacked cell of one method."""
    attacked = records(suite.test, clean=clean, apgd_ce=apgd, square=square)
    return [
        cell(number, "clean", records(suite.test, clean=clean), suite, **changes),
        cell(number + 1, "attacked", attacked, suite, **changes),
    ]


def lucky(number, right, suite, **changes):
    """A method that is right or robust exactly where ``right`` says so."""
    letters = "".join("C" if r else "W" for r in right)
    return both(number, "C" * len(letters), letters, letters.replace("W", "-"), suite, **changes)
