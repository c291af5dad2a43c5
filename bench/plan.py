"""Suite x methods -> cells and blocks with stable keys; pure and torch-free."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from trustdm.bench.codehash import code_digest
from trustdm.bench.contracts import Capability, MethodCard
from trustdm.bench.errors import SuiteError, TrustdmError, UsageError
from trustdm.bench.evaluations.base import EvaluationProtocol, build
from trustdm.bench.registry import MARK, Entry, Registry
from trustdm.bench.suite import Suite
from trustdm.bench.types import Block, CellIdentity, Counts, blocks_of, canonical_json, sha256_file


@dataclass(frozen=True)
class MethodSpec:
    """A method by name, with the parameters it is constructed with; ``weights`` are digests not in the card."""

    name: str
    params: tuple[tuple[str, object], ...] = ()
    weights: tuple[str, ...] = ()

    @staticmethod
    def parse(text: str) -> MethodSpec:
        """``NAME`` or ``NAME:key=value,key=value`` (values are Python literals, or plain text).

        Raises:
            UsageError: a parameter without "=".
        """
        name, _, tail = text.partition(":")
        params = []
        for item in filter(None, tail.split(",")):
            key, equals, value = item.partition("=")
            if not equals or not key.isidentifier():
                raise UsageError(f"method {text!r}: expected NAME:key=value,key=value, got {item!r}")
            params.append((key, _literal(value)))
        return MethodSpec(name, tuple(sorted(params)))

    def __str__(self) -> str:
        return self.name + (":" + ",".join(f"{k}={v}" for k, v in self.params) if self.params else "")


def _literal(text: str) -> object:
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
    return value if isinstance(value, bool | int | float | str) else text


@dataclass(frozen=True)
class PlannedCell:
    """A cell, the blocks of it that are asked for, and what is needed to run them.

    ``code`` is two digests, "method/harness": of the method's plugin with what it imports, and of the protocol and
    its attacks with what they import.
    """

    identity: CellIdentity
    suite: Suite
    spec: MethodSpec
    card: MethodCard
    blocks: tuple[Block, ...]
    code: str
    passes: Counts
    capability: Capability = "classify"

    @property
    def planned(self) -> int:
        return len(self.suite.examples)

    @property
    def draws(self) -> int:
        return self.suite.draws if self.card.randomness != "none" else 1

    def __str__(self) -> str:
        return f"{self.suite.name} / {self.spec} / {self.identity.evaluation}"


def protocols(suite: Suite, registry: Registry) -> dict[str, EvaluationProtocol]:
    """The suite's evaluations, constructed and checked against its budget and classes.

    Raises:
        SuiteError: an unknown protocol, attack or parameter, or an attack that is not defined here.
    """
    built = {}
    for name, spec in suite.evaluations.items():
        where = f"evaluations.{name}"
        try:
            built[name] = build(registry, spec.protocol, spec.params, where)
            built[name].check(suite.setting)
        except TrustdmError as error:
            raise SuiteError(suite.source, where, "an evaluation that is defined here", str(error)) from error
    for k, metric in enumerate(suite.metrics):
        probes = built[metric.evaluation].probes()
        if metric.probe and metric.probe not in probes:
            raise SuiteError(suite.source, f"metrics.{k}.probe", f"one of {', '.join(probes)}", repr(metric.probe))
    return built


def fits(card: MethodCard, suite: Suite) -> str:
    """Why a method cannot be run on a suite; empty if it can."""
    if suite.capability not in card.capabilities:
        return f"{card.name}: expected a method that can {suite.capability}, for {suite.name}, got {card.capabilities}"
    if tuple(card.input_shape) != tuple(suite.data.shape):
        return f"{card.name}: expected input shape {tuple(suite.data.shape)} of {suite.name}, got {card.input_shape}"
    if card.classes != suite.data.classes and (card.classes or suite.capability == "classify"):
        return f"{card.name}: expected {suite.data.classes} classes of {suite.name}, got {card.classes}"
    return ""


def choose(suite: Suite, registry: Registry, names: Sequence[str]) -> list[MethodSpec]:
    """The named methods, or every registered one made for the suite's data (or for any data of its shape).

    A method that is not named is run in each of its variants; a named one without parameters as it is.

    Raises:
        UnknownName: a name nobody registered.
        UsageError: a named method does not fit the suite.
    """
    if names:
        specs = [MethodSpec.parse(n) for n in names]
        for spec in specs:
            problem = fits(_card(registry.get("method", spec.name)), suite)
            if problem:
                raise UsageError(problem)
        return specs
    cards = [_card(e) for e in registry.entries("method")]
    meant = [c for c in cards if not fits(c, suite) and (not c.data or suite.data.dataset in c.data)]
    return [MethodSpec.parse(f"{c.name}:{variant}") for c in meant for variant in c.variants or ("",)]


def _card(entry: Entry) -> MethodCard:
    return cast(MethodCard, entry.card)


def plan_cells(
    suite: Suite,
    specs: Sequence[MethodSpec],
    registry: Registry,
    *,
    limit: int | None = None,
    seeds: Sequence[int] = (),
) -> list[PlannedCell]:
    """The cells of one suite; ``limit`` is rounded up to whole blocks, ``seeds`` replace the suite's.

    Raises:
        UsageError: the limit is below 1.
        SuiteError: an evaluation of the suite is not defined.
    """
    if limit is not None and limit < 1:
        raise UsageError(f"--limit: expected at least 1, got {limit}")
    blocks = wanted(suite, limit)
    cells = []
    for spec in specs:
        entry = registry.get("method", spec.name)
        for seed in seeds or suite.seeds:
            for name, built in protocols(suite, registry).items():
                cells.append(_cell(suite, spec, entry, name, built, seed, blocks))
    return cells


def wanted(suite: Suite, limit: int | None) -> tuple[Block, ...]:
    """The blocks that hold the first ``limit`` examples (all of them by default)."""
    every = blocks_of(len(suite.examples), suite.size.first_block, suite.size.block)
    return every if limit is None else tuple(b for b in every if b.start < limit)


def _cell(
    suite: Suite,
    spec: MethodSpec,
    entry: Entry,
    name: str,
    built: EvaluationProtocol,
    seed: int,
    blocks: tuple[Block, ...],
) -> PlannedCell:
    card = _card(entry)
    evaluation = suite.evaluations[name]
    identity = CellIdentity(
        method=card.name,
        method_version=card.version,
        method_params=spec.params,
        weights=tuple(w.sha256 for w in card.weights) + spec.weights,
        suite=suite.name,
        suite_version=suite.version,
        suite_digest=suite.digest,
        data_digest=_data_digest(suite),
        evaluation=name,
        protocol=evaluation.protocol,
        protocol_version=_versions(built, suite),
        params=canonical_json(_plain(evaluation.params)),
        block_rule=suite.block_rule,
        precision=suite.precision,
        seed=seed,
        randomness=card.randomness,
        gradient=card.gradient,
    )
    draws = suite.draws if card.randomness != "none" else 1
    code = f"{code_digest([entry.load()])}/{code_digest(built.code(suite.setting))}"
    passes = built.passes(card.classes, draws)
    return PlannedCell(identity, suite, spec, card, blocks, code, passes, suite.capability)


def _data_digest(suite: Suite) -> str:
    """What examples are, or images are compared with: the content of the data set, or of the reference."""
    if suite.generation is None:
        return suite.data.digest or ""
    return suite.generation.reference_sha256 or sha256_file(suite.reference_file())


def _versions(built: EvaluationProtocol, suite: Suite) -> str:
    """Versions of the protocol and of every attack and extractor in it, as declared on their cards."""
    things = built.code(suite.setting)
    return " ".join(f"{entry.name}={entry.card.version}" for thing in things for entry in getattr(thing, MARK))


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, list | tuple) else value
