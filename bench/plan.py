"""Suite x methods -> cells and blocks with stable keys; pure and torch-free."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from trustdm.bench.assets.spec import About, PlannedAsset, planned
from trustdm.bench.capabilities.contract import Capability
from trustdm.bench.codehash import code_digest
from trustdm.bench.conforms import About as Checked
from trustdm.bench.construct import construct, registry_of
from trustdm.bench.contracts import MethodCard
from trustdm.bench.defaults import filled
from trustdm.bench.errors import SuiteError, TrustdmError, UnknownName, UsageError
from trustdm.bench.hashing import canonical_json
from trustdm.bench.parameters import open_ended, parameters_of
from trustdm.bench.parts import part_name
from trustdm.bench.registry import MARK, Entry, Registry, loaded
from trustdm.bench.suite.further import Further
from trustdm.bench.suite.load import Suite
from trustdm.bench.suite.models import Evaluation
from trustdm.bench.tasks.positions import Positions
from trustdm.bench.tasks.protocol import EvaluationProtocol, build
from trustdm.bench.types import Block, CellIdentity, Counts, blocks_of

ALL = "all"
"""``NAME:all`` is a method in each of the variants that its card names."""
MOST_SEED = 400
"""Seeds of generated images are below 2^32, which is all that many generators read (``sampling.seeds_of``)."""


@dataclass(frozen=True)
class MethodSpec:
    """A method by name, with the parameters it is constructed with; ``weights`` are digests not in the card."""

    name: str
    params: tuple[tuple[str, object], ...] = ()
    weights: tuple[str, ...] = ()

    @staticmethod
    def parse(text: str, registry: Registry | None = None) -> MethodSpec:
        """``NAME`` or ``NAME:key=value,key=value`` (values are Python literals, or plain text).

        A first item with a slash and no key is the parameter ``path``, and with a ``registry``, which says whether the
        method has such a parameter, any first item without "=": ``NAME:my-folder,eta=1``.

        Raises:
            UsageError: a parameter without "=", or twice.
            UnknownName: the ``registry`` has no method of that name.
        """
        name, _, tail = text.partition(":")
        accepted = _accepted(registry, name) if registry is not None and tail else None
        params: dict[str, object] = {}
        for place, item in enumerate(filter(None, tail.split(","))):
            key, equals, value = item.partition("=")
            bare = "/" in key or (accepted is not None and not equals)
            if place == 0 and bare and (accepted is None or "path" in accepted):
                params["path"] = item
            elif not equals or not key.isidentifier() or key in params:
                takes = "" if accepted is None else f"; {name} takes {', '.join(accepted) or 'no parameter'}"
                raise UsageError(f"method {text!r}: expected NAME:key=value,key=value, got {item!r}{takes}")
            else:
                params[key] = value if key == "path" else literal(value)
        return MethodSpec(name, tuple(sorted(params.items())))

    def __str__(self) -> str:
        return self.name + (":" + ",".join(f"{k}={v}" for k, v in self.params) if self.params else "")


def _accepted(registry: Registry, name: str) -> tuple[str, ...]:
    """The names of the parameters of a method; "..." where it takes more than it names."""
    entry = registry.get("method", name)
    thing = entry.resolve or entry.load()
    return *(p.name for p in parameters_of(thing)), *(["..."] if open_ended(thing) is True else [])


def literal(text: str) -> object:
    """The plain value that was typed: a Python literal, or the text as it is."""
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
    return value if isinstance(value, bool | int | float | str) else text


@dataclass(frozen=True)
class PlannedCell:
    """A cell, the blocks of it that are asked for, and what is needed to run them.

    ``code`` is two digests, "method/harness": of the method's plugin with what it imports, and of the protocol and
    its attacks with what they import. ``checked`` is what an outcome of conformance checks must be about to be one of
    the cell's method; it is in no key. ``further`` is its evaluation where the suite does not list it.
    """

    identity: CellIdentity
    suite: Suite
    spec: MethodSpec
    card: MethodCard
    blocks: tuple[Block, ...]
    code: str
    passes: Counts
    assets: Mapping[str, PlannedAsset] = field(default_factory=dict)
    checked: Checked | None = None
    further: Further | None = None

    @property
    def planned(self) -> int:
        return len(self.suite.positions(self.identity.evaluation).ids)

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
            built[name].check(suite)
        except TrustdmError as error:
            raise SuiteError(suite.source, where, "an evaluation that is defined here", str(error)) from error
    for k, metric in enumerate(suite.metrics):
        probes = built[metric.evaluation].probes()
        if fault := built[metric.evaluation].metric_fault(metric):
            raise SuiteError(suite.source, f"metrics.{k}", *fault)
        if metric.probe and metric.probe not in probes:
            raise SuiteError(suite.source, f"metrics.{k}.probe", f"one of {', '.join(probes)}", repr(metric.probe))
    return built


def further_protocol(suite: Suite, further: Further, registry: Registry) -> EvaluationProtocol:
    """A further evaluation, constructed and checked as those of the suite.

    Raises:
        UsageError: it is not defined here, or not for this suite.
    """
    spec = further.evaluation
    built = build(registry, spec.protocol, spec.params, f"{suite.name}: evaluation {further.name}")
    built.check(suite)
    return built


def fits(card: MethodCard, suite: Suite, registry: Registry) -> str:
    """Why a method cannot be run on a suite; empty if it can."""
    name = suite.task.capability
    if name not in card.capabilities:
        able = ", ".join(card.capabilities)
        return f"{card.name}: expected a method that can {name}, for {suite.name}, got one that can {able}"
    capability: Capability = registry.get("capability", name).load()
    problem = capability.card_fault(card) or capability.misfit(card, suite.data.shape, suite.data.classes)
    return f"{card.name}: {problem}; for {suite.name}" if problem else ""


def choose(suite: Suite, registry: Registry, names: Sequence[str]) -> list[MethodSpec]:
    """The named methods; or every registered one made for the suite's data (or for any data of its shape), and those
    that the suite names.

    A method that is not named is run in each of its variants, and ``NAME:all`` is; a named one without parameters as it
    is.

    Raises:
        UnknownName: a name nobody registered.
        UsageError: a named method does not fit the suite.
    """
    if names:
        specs = [spec for name in names for spec in _named(name, registry)]
        for spec in specs:
            problem = fits(_described_by_name(registry, spec), suite, registry)
            if problem:
                raise UsageError(problem)
        return specs
    cards = [_card(e) for e in registry.entries("method") if e.resolve is None or _card(e).variants]
    able = [c for c in cards if suite.task.capability in c.capabilities]
    every = [MethodSpec.parse(f"{c.name}:{variant}") for c in able for variant in c.variants or ("",)]
    cards_of = [(spec, described(registry, spec)[0]) for spec in every]
    own = choose(suite, registry, suite.methods) if suite.methods else []
    found = [s for s, c in cards_of if not fits(c, suite, registry) and (not c.data or suite.data.dataset in c.data)]
    return [*found, *(spec for spec in own if spec not in found)]


def variants(registry: Registry, name: str) -> list[MethodSpec]:
    """A method in each of the variants that its card names, or as it is.

    Raises:
        UnknownName: nobody registered it.
    """
    return [MethodSpec.parse(f"{name}:{variant}") for variant in _card(registry.get("method", name)).variants or ("",)]


def _named(text: str, registry: Registry) -> list[MethodSpec]:
    name, _, tail = text.partition(":")
    return variants(registry, name) if tail == ALL else [MethodSpec.parse(text, registry)]


def _described_by_name(registry: Registry, spec: MethodSpec) -> MethodCard:
    """The card of a named method; where it has none without parameters, the error says which variants there are."""
    try:
        return described(registry, spec)[0]
    except UsageError as error:
        if spec.params or spec.name not in registry.names("method") or variants(registry, spec.name) == [spec]:
            raise
        known = " ".join(str(variant) for variant in variants(registry, spec.name))
        raise UsageError(f"{error}; its variants: {known}; all of them: {spec.name}:{ALL}") from error


def described(registry: Registry, spec: MethodSpec) -> tuple[MethodCard, tuple[tuple[str, object], ...]]:
    """The card of a method with the parameters of ``spec``, and all parameters that are part of its identity.

    Those that are not given have their defaults, which the card names: another way to type the same is the same.

    Raises:
        UsageError: a parameter that it does not take, or its card depends on the parameters, and has none for these.
    """
    entry, where = registry.get("method", spec.name), f"method {spec.name}"
    known = filled(entry.load(), dict(spec.params), where)
    card, params = _card(entry), known.full
    if entry.resolve is not None:
        card, params = construct(entry.resolve, known.full, where, *registry_of(entry.resolve, registry))
    defaults = {name: value for name, value in known.defaults.items() if name in params}
    return card.model_copy(update={"defaults": tuple(sorted(defaults.items()))}), tuple(sorted(params.items()))


def method_code(registry: Registry, spec: MethodSpec) -> str:
    """The digest of the code of a method, and of the methods that it is made of by name."""
    parts, methods = registry.get("method", spec.name).parts, registry.names("method")
    named = [part_name(str(value)) for key, value in spec.params if key in parts]
    return code_digest([registry.get("method", name).load() for name in (spec.name, *named) if name in methods])


def _card(entry: Entry) -> MethodCard:
    return cast(MethodCard, entry.card)


def plan_cells(
    suite: Suite,
    specs: Sequence[MethodSpec],
    registry: Registry,
    *,
    limit: int | None = None,
    seeds: Sequence[int] = (),
    evaluations: Sequence[str] = (),
    further: Sequence[Further] = (),
) -> list[PlannedCell]:
    """The cells of one suite; ``limit`` is rounded up to whole blocks, ``seeds`` replace the suite's.

    ``evaluations`` are those to run; without any all that the suite does not call optional. Where there are ``further``
    ones, which the suite does not list, only these are planned.

    Raises:
        UnknownName: the suite has no evaluation of that name.
        UsageError: the limit is below 1.
        SuiteError: an evaluation of the suite is not defined.
    """
    if max((*seeds, *suite.seeds)) > MOST_SEED:
        raise UsageError(f"--seed: expected at most {MOST_SEED}, got {max((*seeds, *suite.seeds))}")
    if limit is not None and limit < 1:
        raise UsageError(f"--limit: expected at least 1, got {limit}")
    for name in evaluations:
        if name not in suite.evaluations:
            raise UnknownName("evaluation", name, suite.evaluations)
    built = _asked(suite, registry, evaluations, further)
    every = [(spec, seed) for spec in specs for seed in seeds or suite.seeds]
    return [
        _cell(suite, spec, registry, one, seed, wanted(suite, limit, one.name)) for spec, seed in every for one in built
    ]


@dataclass(frozen=True)
class _Built:
    """An evaluation that is to be run: its protocol, constructed, and its parameters as part of an identity."""

    name: str
    protocol: EvaluationProtocol
    spec: Evaluation
    params: Mapping[str, object]
    further: Further | None = None


def _asked(suite: Suite, registry: Registry, evaluations: Sequence[str], further: Sequence[Further]) -> list[_Built]:
    if further:
        made = [(one, further_protocol(suite, one, registry)) for one in further]
        return [_Built(one.name, built, one.evaluation, one.stored, one) for one, built in made]
    asked = evaluations or [name for name, spec in suite.evaluations.items() if not spec.optional]
    own = [
        (name, built, suite.evaluations[name]) for name, built in protocols(suite, registry).items() if name in asked
    ]
    return [_Built(name, built, spec, spec.params) for name, built, spec in own]


def wanted(suite: Suite, limit: int | None, evaluation: str = "") -> tuple[Block, ...]:
    """The blocks of an evaluation that hold the first ``limit`` examples (all of them by default)."""
    positions = suite.positions(evaluation)
    every = blocks_of(len(positions.ids), suite.size.first_block, suite.size.block)
    return every if limit is None else tuple(b for b in every if b.start < limit * positions.per_example)


def _cell(
    suite: Suite,
    spec: MethodSpec,
    registry: Registry,
    asked: _Built,
    seed: int,
    blocks: tuple[Block, ...],
) -> PlannedCell:
    card, params = described(registry, spec)
    built = asked.protocol
    own, weights = method_code(registry, spec), tuple(w.sha256 for w in card.weights) + spec.weights
    about = About(suite, card, params, weights, own, seed)
    assets = {key: planned(asset, about, registry) for key, asset in sorted(built.assets(suite).items())}
    identity = CellIdentity(
        method=card.name,
        method_version=card.version,
        method_params=params,
        weights=weights,
        suite=suite.name,
        suite_version=suite.version,
        suite_digest=suite.digest,
        data_digest=suite.task.data_digest(suite, registry),
        evaluation=asked.name,
        protocol=asked.spec.protocol,
        protocol_version=_versions(built, suite, assets),
        params=canonical_json(_plain(asked.params)),
        block_rule=suite.block_rule,
        precision=suite.precision,
        seed=seed,
        randomness=card.randomness,
        gradient=card.gradient,
    )
    draws = suite.draws if card.randomness != "none" else 1
    code = f"{own}/{code_digest([*built.code(suite), type(suite.task).positions, Positions])}"
    passes = built.passes(card.classes, draws)
    checked = _checked(identity, own, registry.get("capability", suite.task.capability).load())
    return PlannedCell(identity, suite, spec, card, blocks, code, passes, assets, checked, asked.further)


def _checked(identity: CellIdentity, code: str, capability: Capability) -> Checked:
    """What the conformance checks of a cell's method are about, for the capability that its task needs."""
    return Checked(
        method=identity.method,
        version=identity.method_version,
        params=identity.method_params,
        weights=identity.weights,
        code=code,
        capability=capability.name,
        checks=code_digest(loaded(capability.checks)),
    )


def _versions(built: EvaluationProtocol, suite: Suite, assets: Mapping[str, PlannedAsset]) -> str:
    """Versions of the protocol and of every attack and extractor in it, as declared on their cards, and its assets.

    An asset belongs to one evaluation: among the weights it would tear the row of a method apart.
    """
    cards = [entry for thing in built.code(suite) for entry in getattr(thing, MARK, ())]
    versions = [f"{entry.name}={entry.card.version}" for entry in cards]
    return " ".join([*versions, *(f"asset:{name}={asset.key}" for name, asset in assets.items())])


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, list | tuple) else value
