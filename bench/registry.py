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

MARK = "__trustdm_entry__"
GROUP = "trustdm.plugins"
"""The entry points by which installed packages bring plugins."""


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
    """

    def mark(thing: Callable[..., Any]) -> Callable[..., Any]:
        entry = Entry(kind, card, f"{thing.__module__}:{thing.__qualname__}", resolve, parts)
        setattr(thing, MARK, (*getattr(thing, MARK, ()), entry))
        return thing

    return mark


def entries_of(module: ModuleType) -> Iterator[Entry]:
    """The entries of what ``module`` defines: marked callables, tasks and capabilities (not those it imported)."""
    for name, thing in vars(module).items():
        if isinstance(thing, Registered):
            if type(thing).__module__ == module.__name__:
                yield Entry(thing.KIND, thing, f"{module.__name__}:{name}")
            continue
        for entry in getattr(thing, MARK, ()) if callable(thing) else ():
            if entry.target.partition(":")[0] == module.__name__:
                yield entry


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

    def add_module(self, module: ModuleType) -> list[Entry]:
        """Registers everything that ``module`` defines, and returns these entries; nothing of it if one name is taken.

        Raises:
            PluginError: another object has the name of one of them.
        """
        entries, before = list(entries_of(module)), dict(self._entries)
        try:
            for entry in entries:
                self.add(entry)
        except PluginError:
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
