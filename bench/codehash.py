"""A digest of the code that decides an outcome; comments, docstrings and layout do not move it, nor do moved modules.

Of the project, what a thing reaches counts, name by name (``bench.source``). Of anybody else's repository, whole files
count: what their import does cannot be told apart from what they are.
"""

from __future__ import annotations

import hashlib
import inspect
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from trustdm.bench.source.graph import Reach
from trustdm.bench.source.module import Module

LOADED_DIGEST = "__trustdm_digest__"
"""Set on a plugin file's module: the digest of the code as it was when it was loaded."""
SETTLED = 2_000_000_000
"""Nanoseconds after which a file's time of change tells an edit: two within one tick of the clock look alike."""


def code_digest(things: Iterable[object]) -> str:
    """Hex SHA-256 over what ``things`` are made of: code of the project that they reach, and files of their repository.

    A thing whose source cannot be found (typed into a notebook, say) is represented by its own source and name.
    """
    parts: dict[str, str] = {}
    for thing in things:
        for code in _codes_of(thing):
            parts |= _parts_of(code, wrapped=code is not thing)
    return _digest(parts)


def file_digest(path: Path) -> str:
    """The same for the module in one file, as it is on disk now."""
    return _digest(closure(path).parts)


def _digest(parts: dict[str, str]) -> str:
    text = "\n".join(f"{name}\x00{parts[name]}" for name in sorted(parts))
    return hashlib.sha256(text.encode()).hexdigest()


def _codes_of(thing: Any) -> list[Any]:
    """The function or class behind a thing; for objects of this process, behind each part that it wraps."""
    inner = getattr(thing, "__wrapped__", (thing,))
    parts = inner if isinstance(inner, tuple) else (inner,)
    return [part if hasattr(part, "__qualname__") else type(part) for part in parts]


def _parts_of(code: Any, *, wrapped: bool) -> dict[str, str]:
    module = sys.modules.get(code.__module__)
    loaded = getattr(module, LOADED_DIGEST, None)
    if loaded is not None:
        return {loaded: ""}
    file = getattr(module, "__file__", None)
    path = None if file is None or code.__module__ == "__main__" else _resolved(file)
    if path is None or (wrapped and "site-packages" in path.parts):
        return {f"{code.__module__}.{code.__qualname__}": _own_source(code)}
    return _remembered(path, code.__qualname__)


@cache
def _resolved(file: str) -> Path:
    return Path(file).resolve()


def _own_source(code: Any) -> str:
    try:
        return inspect.getsource(code)
    except (OSError, TypeError):
        return ""


class _Seen(NamedTuple):
    """A file as it was when it was read."""

    module: Module
    changed: int
    size: int
    settled: bool


class _Files:
    """Parsed files by path, read again when they have changed."""

    def __init__(self) -> None:
        self._seen: dict[Path, _Seen] = {}

    def module(self, path: Path) -> Module:
        """The module in a file as it is now; the same object as long as the file's text is the same."""
        stat = path.stat()
        seen = self._seen.get(path)
        if seen and seen.settled and (seen.changed, seen.size) == (stat.st_mtime_ns, stat.st_size):
            return seen.module
        source = path.read_bytes()
        module = seen.module if seen and seen.module.source == source else Module(path, source)
        settled = time.time_ns() - stat.st_mtime_ns > SETTLED
        self._seen[path] = _Seen(module, stat.st_mtime_ns, stat.st_size, settled)
        return module

    def unchanged(self, modules: Iterable[Module]) -> bool:
        """Whether all of these files are still there as they were."""
        try:
            return all(self.module(module.path) is module for module in modules)
        except (OSError, SyntaxError, ValueError):
            return False


_FILES = _Files()
_REMEMBERED: dict[tuple[Path, str], tuple[tuple[Module, ...], dict[str, str]]] = {}


def _remembered(path: Path, name: str) -> dict[str, str]:
    """What the thing of that name in a file is made of, looked up where none of the files has changed since."""
    modules, parts = _REMEMBERED.get((path, name), ((), {}))
    if not modules or not _FILES.unchanged(modules):
        modules, parts = _computed(path, name)
        _REMEMBERED[path, name] = modules, parts
    return parts


def _computed(path: Path, name: str) -> tuple[tuple[Module, ...], dict[str, str]]:
    module = _FILES.module(path)
    if not module.name:
        code = closure(path)
        return tuple(code.modules), code.parts
    reach = Reach(_FILES.module)
    digest = reach.digest(module, name)
    return tuple(reach.modules), {digest: ""}


@dataclass
class Closure:
    """A module's file with the sibling files that it imports.

    ``parts``: what a file says, and what it reaches in the project, by a name that does not depend on where things are
    installed. ``siblings``: the files that absolute imports of its own repository mean, by module name. ``modules``:
    all files that were looked at.
    """

    root: Path
    parts: dict[str, str] = field(default_factory=dict)
    siblings: dict[str, Path] = field(default_factory=dict)
    modules: dict[Module, None] = field(default_factory=dict)

    def add(self, path: Path) -> None:
        """Adds a file, and what it imports."""
        name = path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else path.as_posix()
        if name in self.parts:
            return
        reach = Reach(_FILES.module)
        module = _FILES.module(path)
        self.parts[name] = reach.digest(module)
        self.modules |= reach.modules
        for imported in module.every_import:
            for sibling, file in _resolve(imported, path):
                if not sibling.startswith("."):
                    self.siblings[sibling] = file
                self.add(file)


def closure(path: Path) -> Closure:
    """Everything of its own repository that the module in ``path`` imports, itself included."""
    path = path.resolve()
    code = Closure(_repository(path))
    code.add(path)
    return code


def _resolve(name: str, importer: Path) -> Iterator[tuple[str, Path]]:
    """The files of the importer's repository that a name means, packages on the way included."""
    base, parts = _base(name, importer)
    if name.partition(".")[0] == "trustdm" or not all(parts):
        return
    if base.name == "site-packages" and parts[0] != importer.relative_to(base).parts[0]:
        return
    dots = name[: len(name) - len(name.lstrip("."))]
    for depth in range(1, len(parts) + 1):
        stem = base.joinpath(*parts[:depth])
        for file in (stem.with_suffix(".py"), stem / "__init__.py"):
            if file.is_file():
                yield dots + ".".join(parts[:depth]), file.resolve()


def _base(name: str, importer: Path) -> tuple[Path, list[str]]:
    """Where the first part of ``name`` is looked up: a relative import's folder, or the root of the repository."""
    level = len(name) - len(name.lstrip("."))
    if level:
        return importer.parents[level - 1], name[level:].split(".")
    return _repository(importer), name.split(".")


def _repository(path: Path) -> Path:
    """The folder from which ``path`` is imported by its absolute name."""
    root = path.parent
    while (root / "__init__.py").is_file():
        root = root.parent
    return root
