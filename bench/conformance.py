"""Named checks that every plugin must pass, for its author to run.

In the tests of a plugin of your own::

    from trustdm.bench.conformance import check_method
    from my_defence import load

    def test_my_defence():
        check_method(load)

``run_checks`` gives the outcome of each check instead of raising. The checks are functions in ``bench.checks``; the
docstring of each says what it protects.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from trustdm.bench.capabilities.contract import Capability
from trustdm.bench.checks.cases import AttackCase, Check, DatasetCase, MethodCase
from trustdm.bench.checks.weight_attacks import WeightAttackCase
from trustdm.bench.conforms import CheckOutcome, Ended
from trustdm.bench.construct import registry_of
from trustdm.bench.contracts import AttackCard, Card, DatasetCard, MethodCard, WeightAttackCard
from trustdm.bench.errors import ContractError, TrustdmError, UsageError
from trustdm.bench.foreign import described, interrupts, line, one_process
from trustdm.bench.plugins import load
from trustdm.bench.registry import MARK, Registry, loaded
from trustdm.bench.scrub import scrubbed

KINDS: dict[str, str] = {
    "attack": "trustdm.bench.checks.attacks:CHECKS",
    "dataset": "trustdm.bench.checks.datasets:CHECKS",
    "weight_attack": "trustdm.bench.checks.weight_attacks:CHECKS",
}
"""The checks of a kind; those of a method are named by its capabilities. The first of a group guards the rest."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """How one check ended. ``message`` says what is wrong, or, for a check that passed, why it did not apply."""

    name: str
    ok: bool
    message: str = ""

    def __str__(self) -> str:
        return f"{self.name}: {'passed' if self.ok else 'FAILED'}{f' ({self.message})' if self.message else ''}"


def check_method(load: Callable[..., Any], card: MethodCard | None = None, **params: Any) -> None:
    """Raises ContractError, one line with every check that fails, unless the method keeps its contract.

    ``load`` is the marked function (or any that returns a loaded method; then give its ``card``).
    """
    _raise_failures(run_checks("method", load, card, params))


def check_attack(attack: Callable[..., Any], card: AttackCard | None = None, **params: Any) -> None:
    """Raises ContractError, one line with every check that fails, unless the attack class keeps its contract."""
    _raise_failures(run_checks("attack", attack, card, params))


def check_dataset(load: Callable[..., Any], card: DatasetCard | None = None, **params: Any) -> None:
    """Raises ContractError, one line with every check that fails, unless the data set keeps its contract.

    ``params`` are the options of a suite's ``[data]`` table.
    """
    _raise_failures(run_checks("dataset", load, card, params))


def run_checks(
    kind: str, thing: Callable[..., Any], card: Card | None = None, params: Mapping[str, Any] | None = None
) -> list[CheckResult]:
    """The outcome of every check of ``kind`` ("method", "attack", "dataset") on a marked function or class.

    ``card`` is read off the mark where it is not given; ``params`` are what the plugin is called with.

    Raises:
        UsageError: an unknown kind, or neither a mark nor a card.
        TrustdmError: it cannot be loaded at all (missing weights or data, say).
    """
    if kind not in {"method", *KINDS}:
        raise UsageError(f"conformance: kind: expected one of method, {', '.join(KINDS)}, got {kind!r}")
    card = card or _marked(kind, thing, dict(params or {}))
    case = _case(kind, thing, card, dict(params or {}))
    return _results(case, groups_of(kind, card))


def outcomes(load: Callable[[], Any], card: MethodCard, capability: Capability, device: str) -> list[CheckOutcome]:
    """How a method does in the checks of one capability, on ``device``; ``load`` gives a new one on every call.

    Raises:
        TrustdmError: it cannot be loaded at all.
        MemoryError, torch.OutOfMemoryError: which is the machine's fault, and no outcome.
    """
    case = MethodCase(load, card, device)
    _ = case.loaded
    return [_kept(result) for result in _results(case, (capability.checks,))]


def _results(case: Any, groups: Iterable[str]) -> list[CheckResult]:
    """The outcome of the checks of some groups, each check once; the first of a group guards the rest."""
    results: dict[str, CheckResult] = {}
    for group in groups:
        for number, check in enumerate(checks_of(group)):
            name = check.__name__
            results[name] = results.get(name) or _outcome(check, case)
            if number == 0 and not results[name].ok:
                return list(results.values())
    return list(results.values())


def _kept(result: CheckResult) -> CheckOutcome:
    """A result as it is stored: a line without places and names of this machine."""
    ended: Ended = ("skipped" if result.message else "passed") if result.ok else "failed"
    return CheckOutcome(result.name, ended, line(scrubbed(result.message)))


def groups_of(kind: str, card: Card) -> tuple[str, ...]:
    """Where the checks of what has this card are, "module:CHECKS": of a method, one for each of its capabilities.

    Raises:
        UsageError: a capability that nothing is registered under, or whose card is wrong.
    """
    if not isinstance(card, MethodCard):
        return (KINDS[kind],)
    registry = load().registry
    capabilities: list[Capability] = [registry.get("capability", name).load() for name in card.capabilities]
    for capability in capabilities:
        if fault := capability.card_fault(card):
            raise UsageError(f"{card.name}: {fault}")
    return tuple(capability.checks for capability in capabilities)


def checks_of(group: str) -> tuple[Check, ...]:
    """The checks of a group.

    Raises:
        UsageError: there are none, and a check that looks at nothing must not pass.
    """
    checks: tuple[Check, ...] = loaded(group)
    if not checks:
        raise UsageError(f"conformance: {group}: expected at least one check, got none")
    return checks


def _raise_failures(results: list[CheckResult]) -> None:
    failures = [f"{r.name}: {r.message}" for r in results if not r.ok]
    if failures:
        raise ContractError("; ".join(failures))


def _outcome(check: Check, case: Any) -> CheckResult:
    from trustdm.bench.method import out_of_memory

    name = check.__name__
    try:
        with one_process():
            return CheckResult(name, True, check(case) or "")
    except ContractError as error:
        return CheckResult(name, False, str(error))
    except BaseException as error:  # a stranger's code may raise anything
        if interrupts(error) or out_of_memory(error):
            raise
        return CheckResult(name, False, f"raised {described(error)}")


def _marked(kind: str, thing: Any, params: dict[str, Any]) -> Card:
    for entry in getattr(thing, MARK, ()):
        if entry.kind == kind:
            if kind != "method" or entry.resolve is None:
                return entry.card  # type: ignore[no-any-return]
            return entry.resolve(*_registry_for(entry.resolve), **params)[0]  # type: ignore[no-any-return]
    raise UsageError(
        f"conformance: expected something marked with @{kind}(CARD), got {thing!r}; mark it or give a card"
    )


def _registry_for(thing: Callable[..., Any]) -> tuple[Registry, ...]:
    """Everything that is registered, for a function that asks for it; nothing for others."""
    return (load().registry,) if registry_of(thing, Registry()) else ()


def _case(kind: str, thing: Callable[..., Any], card: Card, params: dict[str, Any]) -> Any:
    case: Any = None
    try:
        if kind == "method" and isinstance(card, MethodCard):
            case = MethodCase(lambda: thing(*_registry_for(thing), **params), card)
        elif kind == "attack" and isinstance(card, AttackCard):
            case = AttackCase(thing(**params), card)
        elif kind == "dataset" and isinstance(card, DatasetCard):
            shape, classes = params.get("shape", card.shape), params.get("classes", card.classes)
            case = DatasetCase(lambda: thing(**params), card, tuple(shape), int(classes))
        elif kind == "weight_attack" and isinstance(card, WeightAttackCard):
            case = WeightAttackCase(thing(**params), card)
        else:
            raise UsageError(f"conformance: expected a card for {kind}, got {type(card).__name__}")
        with one_process():
            _ = case.loaded
    except TrustdmError:
        raise
    except BaseException as error:  # a stranger's code may raise anything
        if interrupts(error):
            raise
        raise ContractError(f"{card.name}: loading raised {described(error)}") from error
    return case
