"""What every evaluation protocol answers, and how one is built from a suite's table."""

from __future__ import annotations

import re

import numpy as np
import pytest

from trustdm.bench.contracts import ProtocolCard
from trustdm.bench.errors import UsageError
from trustdm.bench.plugins import installed_tasks, load, load_suite
from trustdm.bench.records import Records, failed
from trustdm.bench.registry import MARK
from trustdm.bench.suite.load import shipped
from trustdm.bench.tasks.protocol import EvaluationProtocol, batches, build, record_fault
from trustdm.bench.types import Status

REGISTRY = load(installed=False).registry
PROTOCOLS = REGISTRY.entries("protocol")
BUILT = [(name, evaluation) for name in shipped() for evaluation in load_suite(name).evaluations]


@pytest.mark.parametrize("entry", PROTOCOLS, ids=lambda e: e.name)
def test_a_protocol_belongs_to_a_task_and_says_what_a_value_is(entry) -> None:
    assert isinstance(entry.card, ProtocolCard) and entry.card.value
    assert entry.card.task in {task.name for task in installed_tasks().values()}
    assert issubclass(entry.load(), EvaluationProtocol)


@pytest.mark.parametrize(("name", "evaluation"), BUILT)
def test_what_is_planned_of_every_shipped_evaluation(name: str, evaluation: str) -> None:
    suite = load_suite(name)
    spec = suite.evaluations[evaluation]
    built = build(REGISTRY, spec.protocol, spec.params, f"evaluations.{evaluation}")
    built.check(suite)
    assert built.probes() and len(set(built.probes())) == len(built.probes())
    counts, more = built.passes(suite.data.classes, 1), built.passes(suite.data.classes, 10)
    assert counts.forwards > 0 and more.forwards >= counts.forwards and counts.gradients >= 0
    code = built.code(suite)
    assert type(built) in code and all(getattr(thing, MARK, ()) for thing in code)
    assert built.assets(suite) == {}
    for metric in suite.metrics:
        assert metric.evaluation != evaluation or built.metric_fault(metric) is None


ENSEMBLES = [
    ({}, "evaluations.x.attacks: expected a value, got none"),
    ({"attacks": []}, "attacks: expected a list of tables, each with a name"),
    ({"attacks": [{"steps": 3}]}, "attacks: expected a list of tables, each with a name"),
    ({"attacks": [{"name": "pdg"}]}, "unknown attack 'pdg'; did you mean 'pgd'"),
    ({"attacks": [{"name": "pgd"}, {"name": "pgd"}]}, "expected each attack once, got pgd, pgd"),
    ({"attacks": [{"name": "pgd", "step": 3}]}, "attacks.pgd.step: expected one of"),
]


@pytest.mark.parametrize(("params", "message"), ENSEMBLES)
def test_a_wrong_ensemble_is_named(params: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        build(REGISTRY, "adversarial", params, "evaluations.x")


def test_batches_cover_the_rows_in_order() -> None:
    assert [b.tolist() for b in batches(np.arange(5), 2)] == [[0, 1], [2, 3], [4]]
    assert list(batches(np.arange(0), 2)) == []


def test_records_are_looked_at_by_their_protocol() -> None:
    fault = record_fault(REGISTRY)
    odd = Records.of("clean", [7], [Status.CORRECT], label=[3], value=[-1.0])
    assert "expected a value of at least 0, got -1.0" in fault("clean", odd) and fault("adversarial", odd)
    assert fault("certified", odd) == ""  # a published log, whose values are radii
    made = Records.of("sample", [7], [Status.MADE], value=[-2.0])
    assert "expected a value of at least 0, got -2.0" in fault("generation", made)


def test_a_protocol_that_is_not_known_is_refused_unless_strangers_are_left_alone() -> None:
    odd = Records.of("clean", [7], [Status.CORRECT], label=[3], value=[-5.0])
    found = record_fault(REGISTRY)("adversarial-2", odd)
    assert "expected one of adaptive, " in found and "got 'adversarial-2'" in found and "install its package" in found
    assert "\n" not in found and record_fault(REGISTRY, strangers=True)("adversarial-2", odd) == ""
    assert record_fault(REGISTRY, strangers=True)("adversarial", odd)


STRANGE = [
    ("adversarial", Status.MADE, 1.0, "status made: expected a verdict on an image, got none"),
    ("clean", Status.MADE, 1.0, "status made: expected a verdict on an image, got none"),
    ("generation", Status.CORRECT, 1.0, "status correct: expected the status made or failed"),
    ("generation", Status.MADE, float("inf"), "expected a finite value, got inf"),
    ("certified", Status.NOT_RUN, float("nan"), "status not_run: expected the status made or correct or wrong"),
    ("certified", Status.MADE, float("inf"), "expected a finite value, got inf"),
    ("certified-sequential", Status.MADE, float("inf"), "expected a finite value, got inf"),
    ("certified", Status.CORRECT, float("inf"), "expected a finite value, got inf"),
]


@pytest.mark.parametrize(("protocol", "status", "value", "message"), STRANGE)
def test_what_a_protocol_never_writes_is_refused(protocol: str, status: int, value: float, message: str) -> None:
    found = record_fault(REGISTRY)(protocol, Records.of("x", [7], [status], label=[3], value=[value]))
    assert message in found and "\n" not in found


def test_a_failed_block_is_taken_by_every_protocol() -> None:
    assert {record_fault(REGISTRY)(entry.name, failed([1, 2])) for entry in PROTOCOLS} == {""}


def test_the_base_assumes_nothing() -> None:
    base = EvaluationProtocol()
    suite = load_suite("digits-linf")
    assert base.code(suite) == (EvaluationProtocol,) and base.assets(suite) == {} and base.check(suite) is None
    assert base.metric_fault(suite.metrics[0]) is None and base.seconds(None) is None
    assert base.record_fault(Records.empty()) == ""
    for call in (base.probes, lambda: base.passes(10, 1), lambda: base.run(None)):
        with pytest.raises(NotImplementedError):
            call()
