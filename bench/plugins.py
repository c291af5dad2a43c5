"""Finds plugins: built in, from entry points, from files. A broken one is reported and does not end the others."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType

from trustdm.bench.admission import admitted
from trustdm.bench.codehash import LOADED_DIGEST, Closure, closure, file_digest
from trustdm.bench.errors import PluginError, TrustdmError, UnknownName
from trustdm.bench.foreign import described, interrupts, one_process, said
from trustdm.bench.registry import GROUP, Entry, Registry
from trustdm.bench.suite.load import Suite, parse_stored, read_suite
from trustdm.bench.suite.models import SuiteFile
from trustdm.bench.tasks.contract import Task

TASKS = "trustdm.bench.tasks"
"""Every folder in it with a module ``task`` is a task; its further modules are named there."""
BUILT_IN = (
    "trustdm.bench.capabilities",
    "trustdm.bench.datasets",
    "trustdm.bench.attacks",
    "trustdm.bench.weight_attacks",
    "trustdm.bench.steps",
    "trustdm.bench.extractors",
    "trustdm.bench.methods",
)


@dataclass
class Catalogue:
    """A registry, and one line for each plugin that could not be loaded.

    ``named`` are those of the ``problems`` that are of files which the user named; they come first in both.
    """

    registry: Registry = field(default_factory=Registry)
    problems: list[str] = field(default_factory=list)
    named: list[str] = field(default_factory=list)

    def checked(self) -> Catalogue:
        """This catalogue, where every plugin file that was named could be loaded.

        Raises:
            PluginError: one could not be, and why.
        """
        if self.named:
            raise PluginError("; ".join(self.named))
        return self

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Plugins that were left out are the likely cause of what goes wrong while it lasts: the error says so.

        Files that the user named come first, whatever it is; installed plugins last, and only of a name that is
        unknown.

        Raises:
            PluginError: a TrustdmError came up, and a plugin file that was named could not be loaded.
            UnknownName: it came up, and an installed plugin could not be loaded.
        """
        try:
            yield
        except TrustdmError as error:
            if self.named:
                it = "it" if len(self.named) == 1 else "them"
                raise PluginError(f"{'; '.join(self.named)}; without {it}: {error}") from error
            if self.problems and isinstance(error, UnknownName):
                raise error.further(f"left out: {'; '.join(self.problems)}") from error
            raise

    def add(self, source: str, module: ModuleType) -> None:
        """Registers what ``module`` defines, and the further modules of a task; a clash of names becomes a problem."""
        try:
            entries = self.registry.add_module(module, admitted)
        except PluginError as error:
            self.problems.append(f"{source}: {said(error)}")
            return
        for entry in entries:
            if entry.kind == "task" and (fault := self._key_fault(entry)):
                self.registry.remove(entry)
                self.problems.append(f"{source}: {fault}")
                return
        if not entries:
            self.problems.append(f"{source}: expected something marked with @method, @attack or @dataset, got none")
        for entry in entries:
            for name in getattr(entry.card, "plugins", ()) if entry.kind == "task" else ():
                _try(self, f"{source}: {name}", partial(importlib.import_module, name))

    def _key_fault(self, entry: Entry) -> str:
        """What is wrong with the table that a task names: one of the core's, or another task's."""
        key = getattr(entry.card, "key", "")
        others = [
            e.name for e in self.registry.entries("task") if e.name != entry.name and getattr(e.card, "key", "") == key
        ]
        if not key or hasattr(SuiteFile, key) or key in SuiteFile.model_fields or others:
            of = f"the table of the task {others[0]}" if others else "one of the core's keys, or none"
            return f"task {entry.name}: key: expected a table of its own, got {key!r}, {of}"
        return ""

    @property
    def tasks(self) -> dict[str, Task]:
        """The registered tasks, by the key of their table."""
        return {task.key: task for entry in self.registry.entries("task") if isinstance(task := entry.card, Task)}

    def suite(self, name_or_path: str | Path) -> Suite:
        """The suite of that name, or in that file; see ``suite.load.read_suite``."""
        return read_suite(name_or_path, self.tasks)


def load(files: Sequence[str | Path] = (), *, installed: bool = True) -> Catalogue:
    """Everything that is registered: built-in plugins, entry points of ``trustdm.plugins``, plugin files."""
    catalogue = Catalogue()
    for name in (*_task_modules(), *(name for package in BUILT_IN for name in _modules_in(package))):
        catalogue.registry.add_module(importlib.import_module(name))
    for task in catalogue.tasks.values():
        for name in task.plugins:
            catalogue.registry.add_module(importlib.import_module(name))
    for point in entry_points(group=GROUP) if installed else ():
        _try(catalogue, f"entry point {point.name} = {point.value}", point.load)
    installed_ones, catalogue.problems = catalogue.problems, []
    for file in files:
        _try(catalogue, str(file), partial(import_file, Path(file)))
    catalogue.named = list(catalogue.problems)
    catalogue.problems += installed_ones
    return catalogue


@cache
def installed_tasks() -> Mapping[str, Task]:
    """The tasks that come with the package and with installed ones, by the key of their table."""
    return load().tasks


def load_suite(name_or_path: str | Path, tasks: Mapping[str, Task] | None = None) -> Suite:
    """The suite of that name, or in that file, of an installed task (or of ``tasks``); see ``read_suite``."""
    return read_suite(name_or_path, installed_tasks() if tasks is None else tasks)


def stored_suite(content: str, origin: str, tasks: Mapping[str, Task] | None = None) -> Suite:
    """The suite whose ``content`` this is, of an installed task; see ``suite.load.parse_stored``."""
    return parse_stored(content, origin, installed_tasks() if tasks is None else tasks)


def _task_modules() -> Iterable[str]:
    folder = importlib.import_module(TASKS).__path__
    rooms = [m.name for m in pkgutil.iter_modules(folder) if m.ispkg]
    return sorted(f"{TASKS}.{room}.task" for room in rooms)


def _modules_in(package: str) -> Iterable[str]:
    folder = importlib.import_module(package).__path__
    return sorted(f"{package}.{m.name}" for m in pkgutil.iter_modules(folder))


def _try(catalogue: Catalogue, source: str, load_module: Callable[[], ModuleType]) -> None:
    try:
        with one_process():
            catalogue.add(source, load_module())
    except PluginError as error:
        text = said(error)
        named = text.startswith((source, str(Path(source).absolute()), str(Path(source).resolve())))
        catalogue.problems.append(text if named else f"{source}: {text}")
    except BaseException as error:  # a stranger's code may raise anything while it is imported
        if interrupts(error):
            raise
        catalogue.problems.append(f"{source}: cannot be imported: {described(error)}")


def import_file(path: Path) -> ModuleType:
    """The module in ``path``, loaded again when its code changed; its folder is importable, as for a script.

    Raises:
        PluginError: there is no such Python file, or a module it imports from its own folder is loaded from elsewhere.
    """
    path = path.resolve()
    if path.suffix != ".py" or not path.is_file():
        raise PluginError(f"{path}: expected a Python file, got {'another kind' if path.exists() else 'no such file'}")
    code = closure(path)
    digest = file_digest(path)
    name = f"trustdm_plugin_{path.stem}_{hashlib.sha256(f'{path} {digest}'.encode()).hexdigest()[:12]}"
    if name in sys.modules:
        return sys.modules[name]
    _make_way(path, code)
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise PluginError(f"{path}: expected a Python file, got something Python cannot load")
    module = importlib.util.module_from_spec(spec)
    setattr(module, LOADED_DIGEST, digest)
    sys.modules[name] = module
    try:
        with _no_bytecode():
            spec.loader.exec_module(module)
        check_siblings(path)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return module


@contextmanager
def _no_bytecode() -> Iterator[None]:
    """Leaves no compiled files behind: Python would take one for current after an edit within the same second."""
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        yield
    finally:
        sys.dont_write_bytecode = before


def _make_way(path: Path, code: Closure) -> None:
    """Lets the plugin import what lies beside it: as it is on disk now, and before installed modules of that name."""
    check_siblings(path)
    for name in code.siblings:
        sys.modules.pop(name, None)
    folder = str(code.root)
    if folder in sys.path:
        sys.path.remove(folder)
    sys.path.insert(0, folder)
    importlib.invalidate_caches()


def check_siblings(path: Path) -> None:
    """Refuses a plugin whose own helper modules are not the ones that are loaded under their names.

    Raises:
        PluginError: another plugin, or an installed package, has a module of that name.
    """
    for name, expected in closure(path).siblings.items():
        loaded = getattr(sys.modules.get(name), "__file__", None)
        if loaded is not None and Path(loaded).resolve() != expected:
            raise PluginError(
                f"{path}: import {name}: expected {expected}, got {loaded}, which is loaded under that name; rename "
                "one of them, or run the two plugins by separate commands"
            )
