"""One registry for every kind of plugin: refuses duplicates, suggests near names, loads nothing until it is used."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any, ClassVar, Protocol

from trustdm.bench.errors import PluginError, UnknownName
from trustdm.bench.foreign import described, interrupts, said

MARK = "__trustdm_entry__"
GROUP = "trustdm.plugins"
"""The entry points by which installed packages bring plugins."""
LONGEST = 200
"""Characters of a name in a message."""


class Card(Protocol):
    """What the registry needs to know of a card; ``bench.contracts`` has the real ones."""

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def summary(self) -> str: ...

    def model_dump(self, *, mode: str) -> dict[str, Any]: ...


class Registered:
    """Base of what is registered by a module-level instance of a subclass: a task, a capability. It is its own card.

    Instances are equal by class, and pickle as their class.
    """

    KIND: ClassVar[str]
    name: ClassVar[str]
    version: ClassVar[str] = "1"
    summary: ClassVar[str] = ""

    def model_dump(self, *, mode: str = "json") -> dict[str, Any]:
        """Name, version and summary, as the card of a plugin has them."""
        return {"name": self.name, "version": self.version, "summary": self.summary}

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), ()

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def __hash__(self) -> int:
        return hash(type(self))


@dataclass(frozen=True)
class Entry:
    """A card and where its object is; the object is imported when it is used.

    ``resolve`` is there where the card depends on parameters, and ``parts`` are the parameters that name other methods
    that this one is made of; see ``attach``.
    """

    kind: str
    card: Card
    target: str
    resolve: Callable[..., Any] | None = None
    parts: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.card.name

    def load(self) -> Any:
        """The object itself. Importing its module may import torch."""
        return _at(self.target)


def _at(target: str) -> Any:
    module, _, path = target.partition(":")
    value: Any = sys.modules.get(module) or importlib.import_module(module)
    for part in path.split("."):
        value = getattr(value, part)
    return value


@cache
def loaded(target: str) -> Any:
    """The object that "module:object" names; its module is imported the first time."""
    return _at(target)


def attach(
    kind: str, card: Card, resolve: Callable[..., Any] | None = None, parts: tuple[str, ...] = ()
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A decorator that leaves an ``Entry`` on the object; nothing global is touched.

    Where one object stands for many methods (any pipeline in a folder), ``card`` is what a listing shows and
    ``resolve(**params)`` returns the card of one of them, and those of the parameters that are part of its identity (a
    path is not). It must not import torch. ``parts`` are the parameters whose values are names of other methods: their
    code is part of this one's.

    Raises:
        PluginError: ``card`` is none.
    """

    fault = _card_fault(card)
    if fault:
        raise PluginError(f"@{kind}: expected a card, {fault}")

    def mark(thing: Callable[..., Any]) -> Callable[..., Any]:
        entry = Entry(kind, card, f"{thing.__module__}:{thing.__qualname__}", resolve, parts)
        setattr(thing, MARK, (*getattr(thing, MARK, ()), entry))
        return thing

    return mark


def _card_fault(card: object) -> str:
    """What is wrong with what should be a card, as "got ..."; empty if nothing is."""
    if isinstance(card, type):
        return f"got the class {card.__name__}; make one: {card.__name__}(name=...)"
    try:
        texts = [getattr(card, name, None) for name in ("name", "version", "summary")]
    except BaseException as error:
        if interrupts(error):
            raise
        return f"got one that raises {described(error)}"
    if all(isinstance(text, str) for text in texts) and texts[0]:
        return ""
    return f"got {said(card)[:80]} ({type(card).__name__})"


def entries_of(module: ModuleType) -> Iterator[Entry]:
    """The entries of what ``module`` defines: marked callables, tasks and capabilities (not those it imported).

    Raises:
        PluginError: something is marked that cannot be found by its name, or whose card is none.
    """
    for name, thing in list(vars(module).items()):
        if issubclass(type(thing), Registered):
            if type(thing).__module__ == module.__name__:
                yield _sound(module, Entry(thing.KIND, thing, f"{module.__name__}:{name}"))
            continue
        for entry in _marks(thing):
            if entry.target.partition(":")[0] == module.__name__:
                yield _sound(module, entry)


def _marks(thing: object) -> tuple[Entry, ...]:
    """What ``attach`` left on an object; objects that answer to any name have none."""
    if not callable(thing):
        return ()
    try:
        marks = getattr(thing, MARK, ())
    except BaseException as error:
        if interrupts(error):
            raise
        return ()
    if type(marks) is not tuple:
        return ()
    return tuple(m for m in marks if type(m) is Entry and type(m.target) is str and type(m.kind) is str)


def _sound(module: ModuleType, entry: Entry) -> Entry:
    """``entry``, if every process that imports ``module`` finds its object, and its card is one."""
    fault = _card_fault(entry.card)
    if fault:
        raise PluginError(f"{entry.target}: expected a card, {fault}")
    value: Any = module
    for part in entry.target.partition(":")[2].split("."):
        value = getattr(value, part, None)
    if value is None:
        raise PluginError(
            f"{entry.kind} {entry.name}: expected a function or class that can be imported by its name, got "
            f"{entry.target.partition(':')[2][:LONGEST]}; define it at the top of the file, outside any function"
        )
    return entry


class Registry:
    """Entries by kind and name."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str], Entry] = {}

    def add(self, entry: Entry) -> None:
        """Registers ``entry``.

        Raises:
            PluginError: another object has that name already.
        """
        old = self._entries.setdefault((entry.kind, entry.name), entry)
        if old.target != entry.target:
            raise PluginError(f"{entry.target}: {entry.kind} {entry.name!r} is taken by {old.target}; choose another")

    def remove(self, entry: Entry) -> None:
        """Takes an entry out again."""
        self._entries.pop((entry.kind, entry.name), None)

    def add_module(self, module: ModuleType, admit: Callable[[Entry], Entry] | None = None) -> list[Entry]:
        """Registers everything that ``module`` defines, and returns these entries; nothing of it if one name is taken.

        ``admit`` looks at each first: it returns it as it is to be registered, or refuses it.

        Raises:
            PluginError: another object has the name of one of them, or one cannot be used.
        """
        entries, before = list(entries_of(module)), dict(self._entries)
        entries = entries if admit is None else [admit(entry) for entry in entries]
        try:
            for entry in entries:
                self.add(entry)
        except BaseException:
            self._entries = before
            raise
        return entries

    def get(self, kind: str, name: str) -> Entry:
        """The entry of that name.

        Raises:
            UnknownName: with near names.
        """
        if (kind, name) not in self._entries:
            raise UnknownName(kind, name, self.names(kind))
        return self._entries[kind, name]

    def names(self, kind: str) -> list[str]:
        return sorted(n for k, n in self._entries if k == kind)

    def kinds(self) -> list[str]:
        """Every kind that something is registered under."""
        return sorted({kind for kind, _ in self._entries})

    def entries(self, kind: str) -> list[Entry]:
        return [self._entries[kind, n] for n in self.names(kind)]
