"""One registry for every kind of plugin: refuses duplicates, suggests near names, loads nothing until it is used."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Protocol

from trustdm.bench.errors import PluginError, UnknownName

MARK = "__trustdm_entry__"


class Card(Protocol):
    """What the registry needs to know of a card; ``bench.contracts`` has the real ones."""

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def summary(self) -> str: ...

    def model_dump(self, *, mode: str) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Entry:
    """A card and where its object is; the object is imported when it is used.

    ``resolve`` is there where the card depends on parameters; see ``attach``.
    """

    kind: str
    card: Card
    target: str
    resolve: Callable[..., Any] | None = None

    @property
    def name(self) -> str:
        return self.card.name

    def load(self) -> Any:
        """The object itself. Importing its module may import torch."""
        module, _, path = self.target.partition(":")
        value: Any = sys.modules.get(module) or importlib.import_module(module)
        for part in path.split("."):
            value = getattr(value, part)
        return value


def attach(
    kind: str, card: Card, resolve: Callable[..., Any] | None = None
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A decorator that leaves an ``Entry`` on the object; nothing global is touched.

    Where one object stands for many methods (any pipeline in a folder), ``card`` is what a listing shows and
    ``resolve(**params)`` returns the card of one of them, and those of the parameters that are part of its identity (a
    path is not). It must not import torch.
    """

    def mark(thing: Callable[..., Any]) -> Callable[..., Any]:
        entry = Entry(kind, card, f"{thing.__module__}:{thing.__qualname__}", resolve)
        setattr(thing, MARK, (*getattr(thing, MARK, ()), entry))
        return thing

    return mark


def entries_of(module: ModuleType) -> Iterator[Entry]:
    """The entries that a module defines (not those it imported)."""
    for thing in vars(module).values():
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

    def add_module(self, module: ModuleType) -> int:
        """Registers everything that ``module`` defines, and says how many entries that were."""
        found = list(entries_of(module))
        for entry in found:
            self.add(entry)
        return len(found)

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

    def entries(self, kind: str) -> list[Entry]:
        return [self._entries[kind, n] for n in self.names(kind)]
