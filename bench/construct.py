"""Calls what a plugin marked with the parameters of a suite or of a user, once their names and types are checked."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from trustdm.bench.errors import UsageError
from trustdm.bench.registry import Registry


def registry_of(thing: Callable[..., object], registry: Registry) -> tuple[Registry, ...]:
    """What a plugin's function is called with before its parameters: the registry, if its first is annotated so."""
    first = next(iter(inspect.signature(thing, follow_wrapped=False).parameters.values()), None)
    wanted = first is not None and (first.annotation is Registry or str(first.annotation).endswith("Registry"))
    return (registry,) if wanted else ()


def signature_of(thing: Callable[..., object]) -> inspect.Signature:
    """That of what it wraps; of an object of this process, whose parts are in ``__wrapped__``, its own."""
    try:
        return inspect.signature(thing)
    except (TypeError, ValueError):
        return inspect.signature(thing, follow_wrapped=False)


def construct(cls: Any, params: Mapping[str, Any], where: str, *first: Any) -> Any:
    """``cls(*first, **params)`` with the names and types of ``params`` checked against its signature.

    Raises:
        UsageError: one line that says where, what was expected and what was got.
    """
    check(cls, params, where, *first)
    try:
        return cls(*first, **params)
    except ValueError as error:
        raise UsageError(f"{where}: {error}") from error


def check(cls: Any, params: Mapping[str, Any], where: str, *first: Any) -> None:
    """Refuses parameters that ``cls`` does not take, of another type than their defaults, or that are missing.

    Raises:
        UsageError: one line that says where, what was expected and what was got.
    """
    own = list(signature_of(cls).parameters.values())[len(first) :]
    accepted = {p.name: p for p in own if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)}
    open_ended = any(p.kind is p.VAR_KEYWORD for p in own)
    for name, value in params.items():
        if name not in accepted:
            if open_ended:
                continue
            raise UsageError(f"{where}.{name}: expected one of {', '.join(accepted) or 'no parameter'}, got {name!r}")
        default = accepted[name].default
        if default is not inspect.Parameter.empty and not _fits(value, default):
            raise UsageError(f"{where}.{name}: expected {type(default).__name__}, got {value!r}")
    for name, p in accepted.items():
        if p.default is inspect.Parameter.empty and name not in params:
            raise UsageError(f"{where}.{name}: expected a value, got none")


def _fits(value: object, default: object) -> bool:
    if default is None:
        return True
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(value, bool) and isinstance(default, bool)
    if isinstance(default, float | str) and isinstance(value, int | float):
        return isinstance(default, float)
    return isinstance(value, type(default))
