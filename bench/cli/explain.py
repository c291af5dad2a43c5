"""What may be given to a plugin, and where, as ``trustdm show`` prints it; torch-free where the plugin is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trustdm.bench.cli.layout import Column, Grid, prose, whole, words
from trustdm.bench.foreign import described, interrupts
from trustdm.bench.parameters import REQUIRED, Further, Parameter, open_ended, parameters_of
from trustdm.bench.registry import Entry, Registry
from trustdm.bench.suite.load import Suite
from trustdm.bench.suite.written import value_text

PARAMETRISED = ("method", "attack", "weight_attack", "dataset", "protocol")
"""Kinds of plugins that are given parameters by a user or a suite."""
IN_SUITES = ("attack", "weight_attack", "protocol")
"""Of these a suite says how they are set."""
FROM_THE_SUITE = {"dataset": {"root", "shape", "classes"}}
"""What the harness passes by itself."""
WORDS = {"int": "whole number", "float": "number", "str": "text", "bool": "true or false", "None": "none"}
MOST = 60


@dataclass(frozen=True)
class Explained:
    """The ``parameters`` of a plugin, ``problem`` where they cannot be told, and ``lines`` that say more about them."""

    parameters: tuple[Parameter, ...] = ()
    problem: str = ""
    lines: tuple[str, ...] = ()


def explained(entry: Entry, given: Mapping[str, object] | None = None) -> Explained:
    """What the plugin may be given; options that depend on another parameter are those for the value in ``given``.

    Its module is imported; where that fails, ``problem`` says why.
    """
    if entry.kind not in PARAMETRISED:
        return Explained()
    try:
        thing = entry.load()
        ours = FROM_THE_SUITE.get(entry.kind, set())
        found = tuple(p for p in parameters_of(thing, given) if p.name not in ours)
        _try(found, entry.kind)
        return Explained(found, "", tuple(_beside(entry.name, thing, given or {}, found)))
    except BaseException as error:  # a stranger's code may raise anything when it is imported
        if interrupts(error):
            raise
        return Explained(problem=f"parameters cannot be shown: {described(error)}")


def _try(found: Sequence[Parameter], kind: str) -> None:
    """Raises what the texts of defaults and choices raise, which may be objects of strangers."""
    for p in found:
        for value in (p.default, *p.choices):
            _value(value, kind)
            json.dumps(_plain(value))
        if not all(type(text) is str for text in (p.name, p.type, p.meaning, p.capability)):
            raise TypeError(f"parameter {p.name}: expected texts in its annotation")


def _beside(
    name: str, thing: Callable[..., Any], given: Mapping[str, object], found: Sequence[Parameter]
) -> Iterator[str]:
    """Which options there are for other values of the parameter that they depend on."""
    further = open_ended(thing)
    if further is True:
        yield "further options are taken by name, and checked when it is used"
    if not isinstance(further, Further):
        return
    now = str(given.get(further.by, next((p.default for p in found if p.name == further.by), "")))
    others = {value: ", ".join(p.name for p in parameters_of(kind)) for value, kind in further.of.items()}
    yield f"those of {further.by}={now} are among them; others have"
    yield from (f"  {further.by}={value}: {options}" for value, options in others.items() if value != now)
    yield f"  trustdm show {name}:{further.by}=VALUE explains them"


def grid(entry: Entry, parameters: Sequence[Parameter], registry: Registry) -> Grid:
    """A row for each parameter: its name, default, what it may be, what it means."""
    defaults = ["required" if p.default is REQUIRED else _value(p.default, entry.kind) for p in parameters]
    columns = (
        Column("parameter", tuple(whole(p.name) for p in parameters), "name"),
        Column("default", tuple(prose(default) for default in defaults)),
        Column("what it may be", tuple(words(_may_be(p, entry.kind, registry)) for p in parameters), "prose"),
        Column("meaning", tuple(prose(p.meaning.replace("``", "")) for p in parameters), "prose", order=1, under=True),
    )
    return Grid("parameters", columns, f"trustdm show {entry.name} --json")


def _may_be(p: Parameter, kind: str, registry: Registry) -> str:
    choices = [_value(choice, kind) for choice in p.choices]
    if p.capability:
        methods = registry.entries("method")
        able = [e.name for e in methods if p.capability in getattr(e.card, "capabilities", ())]
        other = f"; or {', '.join(choices)}" if choices else ""
        return f"a method that can {p.capability}: {', '.join(able) or 'none is registered'}{other}"
    if choices:
        return ", ".join(choices)
    return " or ".join(WORDS.get(part, part) for part in p.type.split(" | "))


def _value(value: object, kind: str) -> str:
    """As it is typed: for a method on the command line, for anything else in a suite file."""
    if value is None:
        return "none"
    if isinstance(value, bool | int | float | str | list | tuple | dict):
        text = str(value) if kind == "method" and value != "" else _in_a_suite(value)
        return text if len(text) <= MOST else f"{text[:MOST]}..."
    return f"a {type(value).__name__}"


def _in_a_suite(value: object) -> str:
    try:
        return value_text(value)
    except TypeError:
        return str(value)


def typed(name: str, variants: Iterable[str]) -> list[str]:
    """The variants of a method as they are given to ``trustdm run``."""
    return [f"--method {name}:{variant}" for variant in variants]


def places(entry: Entry, suites: Sequence[Suite], registry: Registry) -> list[str]:
    """Where suites set such a plugin, with the table of the first that names this one; empty if none is known."""
    if entry.kind == "protocol":
        return _protocol_places(entry.name, suites)
    names = {e.name for e in registry.entries(entry.kind)} if entry.kind in ("attack", "weight_attack") else set()
    found = [
        (suite.name, f"evaluations.{evaluation}.{key}", one)
        for suite in suites
        for evaluation, spec in suite.evaluations.items()
        for key, value in spec.params.items()
        for one in (value if isinstance(value, list | tuple) else ())
        if isinstance(one, Mapping) and one.get("name") in names
    ]
    mine = next((f for f in found if f[2]["name"] == entry.name), None)
    if mine is not None:
        return [f"set in a suite, as in {mine[0]}:", f"  [[{mine[1]}]]", *(f"  {line}" for line in _lines(mine[2]))]
    keys = sorted({place.rpartition(".")[2] for _, place, _ in found})
    return [f'set in a suite: [[evaluations.NAME.{key}]] with name = "{entry.name}" and its parameters' for key in keys]


def _protocol_places(name: str, suites: Sequence[Suite]) -> list[str]:
    for suite in suites:
        for evaluation, spec in suite.evaluations.items():
            if spec.protocol == name:
                plain = {k: v for k, v in spec.params.items() if not _holds_tables(v)}
                lines = _lines({"protocol": name, **plain})
                head = [f"set in a suite, as in {suite.name}:", f"  [evaluations.{evaluation}]"]
                return [*head, *(f"  {line}" for line in lines)]
    return []


def _holds_tables(value: object) -> bool:
    return isinstance(value, Mapping) or (
        isinstance(value, list | tuple) and any(isinstance(v, Mapping) for v in value)
    )


def _lines(table_: Mapping[str, Any]) -> list[str]:
    return [f"{key} = {_in_a_suite(value)}" for key, value in table_.items()]


def as_json(found: Explained) -> list[dict[str, object]]:
    """The parameters; what JSON cannot say is said in words."""
    return [
        {
            "name": p.name,
            "required": p.default is REQUIRED,
            "default": None if p.default is REQUIRED else _plain(p.default),
            "type": p.type,
            "choices": [_plain(choice) for choice in p.choices],
            "capability": p.capability,
            "meaning": p.meaning,
        }
        for p in found.parameters
    ]


def _plain(value: object) -> object:
    return value if value is None or isinstance(value, bool | int | float | str) else _value(value, "")
