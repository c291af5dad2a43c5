"""Suite x methods -> cells and blocks with stable keys; pure and torch-free."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import cast

from trustdm.bench.codehash import code_digest
from trustdm.bench.contracts import Capability, MethodCard
from trustdm.bench.errors import SuiteError, TrustdmError, UsageError
from trustdm.bench.hashing import canonical_json, sha256_file
from trustdm.bench.registry import MARK, Entry, Registry
from trustdm.bench.runner.job import EvaluationProtocol, build, construct
from trustdm.bench.suite.load import Suite, open_data
from trustdm.bench.suite.models import MetricSpec
from trustdm.bench.tasks.certification.protocol import SequentiallyCertified
from trustdm.bench.types import Block, CellIdentity, Counts, blocks_of

MOST_SEED = 400
"""Seeds of generated images are below 2^32, which is all that many generators read (``sampling.seeds_of``)."""
PARTS = ("classifier", "denoiser", "purifier", "generator")
"""Parameters by which a method names others that it is made of."""


@dataclass(frozen=True)
class MethodSpec:
    """A method by name, with the parameters it is constructed with; ``weights`` are digests not in the card."""

    name: str
    params: tuple[tuple[str, object], ...] = ()
    weights: tuple[str, ...] = ()

    @staticmethod
    def parse(text: str) -> MethodSpec:
        """``NAME`` or ``NAME:key=value,key=value`` (values are Python literals, or plain text).

        A first item with a slash and no key is the parameter ``path``: ``diffusers:/my/pipeline,eta=1``.

        Raises:
            UsageError: a parameter without "=", or twice.
        """
        name, _, tail = text.partition(":")
        params: dict[str, object] = {}
        for place, item in enumerate(filter(None, tail.split(","))):
            key, equals, value = item.partition("=")
            if place == 0 and "/" in key:
                params["path"] = item
            elif not equals or not key.isidentifier() or key in params:
                raise UsageError(f"method {text!r}: expected NAME:key=value,key=value, got {item!r}")
            else:
                params[key] = value if key == "path" else _literal(value)
        return MethodSpec(name, tuple(sorted(params.items())))

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
        return len(self.suite.positions(self.identity.evaluation))

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
        if fault := _certificate_fault(built[metric.evaluation], metric):
            raise SuiteError(suite.source, f"metrics.{k}", *fault)
        if metric.probe and metric.probe not in probes:
            raise SuiteError(suite.source, f"metrics.{k}.probe", f"one of {', '.join(probes)}", repr(metric.probe))
    return built


def _certificate_fault(built: EvaluationProtocol, metric: MetricSpec) -> tuple[str, str] | None:
    """What cannot be told from a sequential certificate: expected and got."""
    if not isinstance(built, SequentiallyCertified) or metric.statistic == "draws":
        return None
    declared, radius = built.plan(1).radii, "0" if metric.statistic == "abstention" else metric.radius
    if radius is not None and float(Fraction(radius)) in declared:
        return None
    reason = "a sequential certificate stops when its declared radii are decided and holds for these and their alpha"
    wanted = f"radius {radius}" if radius is not None else f"the statistic {metric.statistic}"
    return f"one of the declared radii {', '.join(f'{r:g}' for r in declared)}: {reason}", wanted


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
            problem = fits(described(registry, spec)[0], suite)
            if problem:
                raise UsageError(problem)
        return specs
    cards = [_card(e) for e in registry.entries("method") if e.resolve is None or _card(e).variants]
    able = [c for c in cards if suite.capability in c.capabilities]
    every = [MethodSpec.parse(f"{c.name}:{variant}") for c in able for variant in c.variants or ("",)]
    found = [(spec, described(registry, spec)[0]) for spec in every]
    return [s for s, c in found if not fits(c, suite) and (not c.data or suite.data.dataset in c.data)]


def described(registry: Registry, spec: MethodSpec) -> tuple[MethodCard, tuple[tuple[str, object], ...]]:
    """The card of a method with the parameters of ``spec``, and those of them that are part of its identity.

    Raises:
        UsageError: its card depends on the parameters, and it has none for these.
    """
    entry = registry.get("method", spec.name)
    if entry.resolve is None:
        return _card(entry), spec.params
    card, params = construct(entry.resolve, dict(spec.params), f"method {spec.name}", *given(entry.resolve, registry))
    return card, tuple(sorted(params.items()))


def given(thing: Callable[..., object], registry: Registry) -> tuple[Registry, ...]:
    """What a plugin's function is called with besides its parameters: the registry, if its first one is called so."""
    return (
        (registry,) if next(iter(inspect.signature(thing, follow_wrapped=False).parameters), "") == "registry" else ()
    )


def method_code(registry: Registry, spec: MethodSpec) -> str:
    """The digest of the code of a method, and of the methods that it is made of by name."""
    names = [str(value) for key, value in spec.params if key in PARTS and value in registry.names("method")]
    return code_digest([registry.get("method", name).load() for name in (spec.name, *names)])


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
    if max((*seeds, *suite.seeds)) > MOST_SEED:
        raise UsageError(f"--seed: expected at most {MOST_SEED}, got {max((*seeds, *suite.seeds))}")
    if limit is not None and limit < 1:
        raise UsageError(f"--limit: expected at least 1, got {limit}")
    cells = []
    for spec in specs:
        for seed in seeds or suite.seeds:
            for name, built in protocols(suite, registry).items():
                cells.append(_cell(suite, spec, registry, name, built, seed, wanted(suite, limit, name)))
    return cells


def wanted(suite: Suite, limit: int | None, evaluation: str = "") -> tuple[Block, ...]:
    """The blocks of an evaluation that hold the first ``limit`` examples (all of them by default)."""
    every = blocks_of(len(suite.positions(evaluation)), suite.size.first_block, suite.size.block)
    return every if limit is None else tuple(b for b in every if b.start < limit * suite.chunks(evaluation))


def _cell(
    suite: Suite,
    spec: MethodSpec,
    registry: Registry,
    name: str,
    built: EvaluationProtocol,
    seed: int,
    blocks: tuple[Block, ...],
) -> PlannedCell:
    card, params = described(registry, spec)
    evaluation = suite.evaluations[name]
    identity = CellIdentity(
        method=card.name,
        method_version=card.version,
        method_params=params,
        weights=tuple(w.sha256 for w in card.weights) + spec.weights,
        suite=suite.name,
        suite_version=suite.version,
        suite_digest=suite.digest,
        data_digest=_data_digest(suite, registry),
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
    code = f"{method_code(registry, spec)}/{code_digest(built.code(suite.setting))}"
    passes = built.passes(card.classes, draws)
    return PlannedCell(identity, suite, spec, card, blocks, code, passes, suite.capability)


def _data_digest(suite: Suite, registry: Registry) -> str:
    """What examples are, or images are compared with: the content of the data set, or of the reference.

    Where the suite does not pin it, it is that of what is there.
    """
    if suite.generation is None:
        return suite.data.digest or open_data(suite, registry).digest()
    return suite.generation.reference_sha256 or sha256_file(suite.reference_file())


def _versions(built: EvaluationProtocol, suite: Suite) -> str:
    """Versions of the protocol and of every attack and extractor in it, as declared on their cards."""
    things = built.code(suite.setting)
    return " ".join(f"{entry.name}={entry.card.version}" for thing in things for entry in getattr(thing, MARK))


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, list | tuple) else value
