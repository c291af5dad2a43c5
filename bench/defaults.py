"""The full set of parameters of a method: what was given, in its one form, and the defaults of everything else.

Two ways to type one configuration ("m", "m:order=2", "m:order=2,rho=7.0") are then one identity, and a default that is
changed is another one. A default that is no plain value cannot be typed either; it is part of the code's digest only.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from trustdm.bench.construct import check, registry_of
from trustdm.bench.errors import UsageError
from trustdm.bench.parameters import REQUIRED, Parameter, open_ended, parameters_of
from trustdm.bench.registry import Registry

Values = dict[str, object]


@dataclass(frozen=True)
class Filled:
    """``given`` with each value in its one form; ``defaults`` of every parameter that has a plain one."""

    given: Values
    defaults: Values

    @property
    def full(self) -> Values:
        """What is given, and the defaults of the others."""
        return self.defaults | self.given


def filled(thing: Callable[..., Any], given: Mapping[str, object], where: str) -> Filled:
    """The parameters of a marked object.

    Raises:
        UsageError: a parameter that it does not take, of another type or choice, or that is missing.
    """
    check(thing, given, where, *registry_of(thing, Registry()))
    declared = {p.name: p for p in parameters_of(thing, given)}
    unknown = [name for name in given if name not in declared]
    if unknown and (further := open_ended(thing)) is not True:
        of = f" where {further.by} is {_value(declared, given, further.by)}" if further else ""
        raise UsageError(f"{where}.{unknown[0]}: expected one of {', '.join(declared)}{of}, got {unknown[0]!r}")
    values = {name: _as_declared(declared.get(name), value, where) for name, value in given.items()}
    defaults = {p.name: _plain(p.default) for p in declared.values() if p.default is not REQUIRED}
    return Filled(values, {name: value for name, value in defaults.items() if value is not REQUIRED})


def _value(declared: Mapping[str, Parameter], given: Mapping[str, object], name: str) -> object:
    return given.get(name, declared[name].default if name in declared else "not given")


def _as_declared(parameter: Parameter | None, value: object, where: str) -> object:
    """A whole number for a parameter that is a float is that float: rho=7 is rho=7.0."""
    if parameter is None:
        return value
    whole = isinstance(value, int) and not isinstance(value, bool)
    if whole and (isinstance(parameter.default, float) or parameter.type == "float"):
        return float(value)  # type: ignore[arg-type]
    if parameter.choices and not parameter.capability and value not in parameter.choices:
        known = ", ".join(map(str, parameter.choices))
        raise UsageError(f"{where}.{parameter.name}: expected one of {known}, got {value!r}")
    return value


def _plain(value: object) -> object:
    """A default as it stands in an identity; REQUIRED where it is no plain value."""
    if isinstance(value, float):
        return value if math.isfinite(value) else REQUIRED
    if isinstance(value, list | tuple):
        inner = tuple(_plain(part) for part in value)
        return REQUIRED if any(part is REQUIRED or isinstance(part, tuple) for part in inner) else inner
    return value if value is None or isinstance(value, bool | int | str) else REQUIRED
