"""Finds plugins: built in, from entry points, from files. A broken one is reported and does not end the others."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType

from trustdm.bench.codehash import LOADED_DIGEST, Closure, closure, file_digest
from trustdm.bench.errors import PluginError
from trustdm.bench.registry import Registry

BUILT_IN = (
    "trustdm.bench.datasets",
    "trustdm.bench.attacks",
    "trustdm.bench.extractors",
    "trustdm.bench.methods",
)
PROTOCOLS = (
    "trustdm.bench.tasks.robustness.protocol",
    "trustdm.bench.tasks.robustness.clean",
    "trustdm.bench.tasks.certification.protocol",
    "trustdm.bench.tasks.generation.protocol",
)
GROUP = "trustdm.plugins"


@dataclass
class Catalogue:
    """A registry, and one line for each plugin that could not be loaded."""

    registry: Registry = field(default_factory=Registry)
    problems: list[str] = field(default_factory=list)

    def add(self, source: str, module: ModuleType) -> None:
        """Registers what ``module`` defines; a clash of names becomes a problem."""
        try:
            if not self.registry.add_module(module):
                self.problems.append(f"{source}: expected something marked with @method, @attack or @dataset, got none")
        except PluginError as error:
            self.problems.append(f"{source}: {error}")


def load(files: Sequence[str | Path] = (), *, installed: bool = True) -> Catalogue:
    """Everything that is registered: built-in plugins, entry points of ``trustdm.plugins``, plugin files."""
    catalogue = Catalogue()
    for package in BUILT_IN:
        for name in _modules_in(package):
            catalogue.registry.add_module(importlib.import_module(name))
    for name in PROTOCOLS:
        catalogue.registry.add_module(importlib.import_module(name))
    for point in entry_points(group=GROUP) if installed else ():
        _try(catalogue, f"entry point {point.name} = {point.value}", point.load)
    for file in files:
        _try(catalogue, str(file), partial(import_file, Path(file)))
    return catalogue


def _modules_in(package: str) -> Iterable[str]:
    folder = importlib.import_module(package).__path__
    return sorted(f"{package}.{m.name}" for m in pkgutil.iter_modules(folder))


def _try(catalogue: Catalogue, source: str, load_module: Callable[[], ModuleType]) -> None:
    try:
        module = load_module()
    except PluginError as error:
        catalogue.problems.append(str(error))
    except (Exception, SystemExit) as error:  # a stranger's code may raise anything while it is imported
        catalogue.problems.append(f"{source}: cannot be imported: {type(error).__name__}: {_line(error)}")
    else:
        catalogue.add(source, module)


def _line(error: BaseException) -> str:
    return " ".join(str(error).split()) or "no message"


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
        del sys.modules[name]
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
