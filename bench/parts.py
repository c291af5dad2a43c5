"""Methods that are made of other methods, by name: a purifier of a denoiser, a classifier behind it.

A part is said as ``NAME``, ``NAME:PATH`` or ``NAME:key=value;key=value``: semicolons, as commas divide the parameters
of the whole. Torch-free; a part is loaded when the whole is.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from trustdm.bench.construct import construct, registry_of
from trustdm.bench.contracts import MethodCard
from trustdm.bench.defaults import filled
from trustdm.bench.errors import UsageError
from trustdm.bench.registry import Registry


@dataclass(frozen=True)
class Part:
    """A method that another one is made of.

    ``identity`` is how it stands among the parameters of the whole: its name, its version where that is not the first,
    and those of its parameters that are part of its identity (a path is not) and are not the default. Its weights
    belong to the card of the whole. ``params`` are all of its parameters that are part of its identity.
    """

    card: MethodCard
    identity: str
    params: Mapping[str, object]
    load: Callable[[], Any]


def part_name(text: str) -> str:
    """The name of the method that a part is, whatever parameters it is given."""
    return text.partition(":")[0]


def part(registry: Registry, text: str, capability: str, whole: str, more: Mapping[str, object] | None = None) -> Part:
    """The part that ``text`` says, of ``whole``, which needs it to be able to ``capability``.

    ``more`` are parameters of the part that the whole was given for it.

    Raises:
        UsageError: it cannot; a parameter that it does not take.
        UnknownName: nobody registered it.
    """
    name, given = part_name(text), _given(text, whole) | dict(more or {})
    entry, where = registry.get("method", name), f"{whole}: {name}"
    if entry.resolve is None:  # before its parameters, which are those of something else
        _require(entry.card, capability, whole, text)
    known = filled(entry.load(), given, where)
    card, params = entry.card, known.full
    if entry.resolve is not None:
        card, params = construct(entry.resolve, known.full, where, *registry_of(entry.resolve, registry))
    kept = {key: params[key] for key in known.given if key in params and params[key] != known.defaults.get(key)}
    made_of = _require(card, capability, whole, text)

    def load() -> Any:
        thing = entry.load()
        return construct(thing, known.full, where, *registry_of(thing, registry))

    return Part(made_of, _identity(made_of, kept), params, load)


def _require(card: object, capability: str, whole: str, text: str) -> MethodCard:
    if not isinstance(card, MethodCard) or capability not in card.capabilities:
        raise UsageError(f"{whole}: expected a method that can {capability}, got {text}")
    return card


def versioned(card: MethodCard) -> str:
    """The name of a part, and its version where that is not the first."""
    return card.name if card.version == "1" else f"{card.name}@{card.version}"


def _identity(card: MethodCard, kept: Mapping[str, object]) -> str:
    said = ";".join(f"{key}={value}" for key, value in sorted(kept.items()))
    return f"{versioned(card)}:{said}" if said else versioned(card)


def _given(text: str, whole: str) -> dict[str, object]:
    _, _, tail = text.partition(":")
    given: dict[str, object] = {}
    for place, item in enumerate(filter(None, tail.split(";"))):
        key, equals, value = item.partition("=")
        if place == 0 and (not equals or "/" in key):
            given["path"] = item
        elif not equals or not key.isidentifier() or key in given:
            raise UsageError(f"{whole}: expected NAME:key=value;key=value, got {text!r}")
        else:
            given[key] = value if key == "path" else _literal(value)
    return given


def _literal(text: str) -> object:
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
    return value if isinstance(value, bool | int | float | str) else text


def same_data(parts: Mapping[str, MethodCard], whole: str) -> tuple[str, ...]:
    """The data sets that all parts are made for; empty where none of them names any.

    Raises:
        UsageError: they have none in common.
    """
    named = [set(card.data) for card in parts.values() if card.data]
    if not named:
        return ()
    common = set.intersection(*named)
    if not common:
        names = " and ".join(card.name for card in parts.values())
        raise UsageError(f"{whole}: expected parts made for the same data, got {names}")
    return tuple(sorted(common))
