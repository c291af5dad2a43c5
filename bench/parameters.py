"""What may be given to a plugin: the parameters of a method, an attack, a data set, with defaults, choices and meaning.

Read off the signature, the annotations and the docstring; nothing is called. Torch-free by itself: whether the module
of a plugin imports torch is the plugin's doing.
"""

from __future__ import annotations

import inspect
import re
import sys
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import SimpleNamespace
from typing import Annotated, Any, Final, Literal, get_args, get_origin

from trustdm.bench.construct import registry_of, signature_of
from trustdm.bench.registry import Registry


class _Required(Enum):
    REQUIRED = "required"

    def __repr__(self) -> str:
        return "REQUIRED"


REQUIRED: Final = _Required.REQUIRED
"""The default of a parameter that has none."""


@dataclass(frozen=True)
class Parameter:
    """One parameter: ``default`` is the exact value that is used where none is given, or ``REQUIRED``.

    ``type`` is the annotation in short ("float", "float | None"; empty: not said), ``choices`` the only values that it
    may take (empty: not limited). ``capability``: the value is the name of a method that can do this, or one of
    ``choices``. ``meaning`` is one line, or empty.
    """

    name: str
    default: object = REQUIRED
    type: str = ""
    choices: tuple[object, ...] = ()
    meaning: str = ""
    capability: str = ""


@dataclass(frozen=True)
class MethodThat:
    """In an annotation, ``Annotated[str, MethodThat("denoise", "none")]``: the name of a method that can do this.

    ``otherwise`` are further values that it may take.
    """

    capability: str
    otherwise: tuple[str, ...] = ()


@dataclass(frozen=True)
class Further:
    """In the annotation of ``**options``: which ones there are, for each value of the parameter ``by``.

    ``of`` has a class for each value, whose parameters they are; ``defaults`` replace those of the class.
    """

    by: str
    of: Mapping[str, type]
    defaults: Mapping[str, object] = field(default_factory=dict)


def parameters_of(thing: Callable[..., Any], given: Mapping[str, object] | None = None) -> tuple[Parameter, ...]:
    """The parameters of a marked object, in the order of its signature.

    Options that depend on the value of another parameter (those of a sampler) come last: for the value in ``given``,
    else for its default. A registry that comes first is not a parameter.
    """
    signature = signature_of(thing)
    own = list(signature.parameters.values())[len(registry_of(thing, Registry())) :]
    said = _meanings(thing)
    named = (p for p in own if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY))
    found = [_parameter(p.name, p.default, _annotation(thing, p), said.get(p.name, "")) for p in named]
    for open_ended in (p for p in own if p.kind is p.VAR_KEYWORD):
        for mark in _marks(_annotation(thing, open_ended), Further):
            found.extend(_further(mark, found, given or {}))
    return tuple(found)


def open_ended(thing: Callable[..., Any]) -> Further | bool:
    """Whether it takes parameters that its signature does not name; the mark, if there is one, says which."""
    for p in signature_of(thing).parameters.values():
        if p.kind is p.VAR_KEYWORD:
            return next(iter(_marks(_annotation(thing, p), Further)), True)
    return False


def _further(mark: Further, found: list[Parameter], given: Mapping[str, object]) -> Iterator[Parameter]:
    default = next((p.default for p in found if p.name == mark.by), REQUIRED)
    kind = mark.of.get(str(given.get(mark.by, default)))
    names = {p.name for p in found}
    for p in parameters_of(kind) if kind else ():
        if p.name not in names:
            yield Parameter(p.name, mark.defaults.get(p.name, p.default), p.type, p.choices, p.meaning, p.capability)


def _parameter(name: str, default: object, annotation: Any, meaning: str) -> Parameter:
    default = REQUIRED if default is inspect.Parameter.empty else default
    that = next(iter(_marks(annotation, MethodThat)), None)
    notes = [text for text in _marks(annotation, str) if text]
    inner = get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation
    return Parameter(
        name,
        default,
        _type_text(inner, default),
        that.otherwise if that else _choices(inner),
        meaning or " ".join(" ".join(notes[:1]).split()),
        that.capability if that else "",
    )


def _annotation(thing: Callable[..., Any], p: inspect.Parameter) -> Any:
    """What the parameter is annotated with; its text, where that names something that only type checkers know."""
    if not isinstance(p.annotation, str):
        return p.annotation
    for space in _spaces(thing):
        try:
            return typing.get_type_hints(
                SimpleNamespace(__annotations__={"it": p.annotation}), space, include_extras=True
            )["it"]
        except Exception:  # a stranger's annotation may be any text, and evaluating it raise anything; it is shown then
            continue
    return p.annotation


def _spaces(thing: Any) -> Iterator[dict[str, Any]]:
    """The globals that its annotations may mean: of its module, and of those of its base classes."""
    inner = inspect.unwrap(thing) if callable(getattr(thing, "__wrapped__", None)) else thing
    for owner in inner.__mro__ if isinstance(inner, type) else (inner,):
        module = sys.modules.get(getattr(owner, "__module__", ""))
        if module is not None:
            yield vars(module)


def _marks(annotation: Any, kind: type[Any]) -> list[Any]:
    return [note for note in getattr(annotation, "__metadata__", ()) if isinstance(note, kind)]


def _choices(annotation: Any) -> tuple[object, ...]:
    if get_origin(annotation) is Literal:
        return get_args(annotation)
    if annotation is bool:
        return (False, True)
    return ()


def _type_text(annotation: Any, default: object) -> str:
    if annotation is inspect.Parameter.empty:
        return "" if default is REQUIRED or default is None else type(default).__name__
    if get_origin(annotation) is Literal:
        return " | ".join(dict.fromkeys(type(value).__name__ for value in get_args(annotation)))
    if isinstance(annotation, str):
        return annotation
    if isinstance(annotation, type) and not get_args(annotation):
        return annotation.__name__
    return re.sub(r"\b[a-z_.]+\.(?=[A-Z])", "", str(annotation))


_SECTION = re.compile(r"^Args:\s*\n(.*?)(?=^\S|\Z)", re.MULTILINE | re.DOTALL)
_ITEM = re.compile(r"^ {4}\*{0,2}(\w+)(?: \([^)]*\))?: (.*(?:\n {5,}.*)*)", re.MULTILINE)


def _meanings(thing: Any) -> dict[str, str]:
    """What the section "Args:" of the docstring says of each parameter, as one line; those of base classes count."""
    owners = thing.__mro__ if isinstance(thing, type) else (thing,)
    own = [getattr(owner, "__dict__", {}).get("__init__") for owner in owners]
    found: dict[str, str] = {}
    for text in (thing.__doc__, *(part.__doc__ for pair in zip(owners, own, strict=True) for part in pair)):
        for section in _SECTION.findall(inspect.cleandoc(text) if isinstance(text, str) else ""):
            for name, meaning in _ITEM.findall(section):
                found.setdefault(name, " ".join(meaning.split()))
    return found
