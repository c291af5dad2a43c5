"""``trustdm doctor``: what this machine can run, and what is missing.

Everything said is looked at now, except for the hash of a large checkpoint that was not touched since it was hashed
(``filehash``). torch is imported only where there is a driver of a GPU to ask about; ``thorough`` imports every
package and loads every method.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import cast

from trustdm.bench import api, plugins
from trustdm.bench.cli import console, filehash
from trustdm.bench.contracts import MethodCard, WeightFile
from trustdm.bench.errors import TrustdmError
from trustdm.bench.foreign import described, interrupts
from trustdm.bench.registry import Entry, Registry
from trustdm.bench.store.address import shown
from trustdm.bench.store.store import Store
from trustdm.bench.suite.load import shipped
from trustdm.bench.tasks.contract import Finding
from trustdm.bench.training.weightfiles import find, verify

PACKAGES = ("torch", "pyautoattack", "sqlalchemy", "scipy")
DRIVER = Path("/proc/driver/nvidia")


def report(db: str | None, files: tuple[Path, ...], *, thorough: bool = False) -> int:
    """Prints one line for each finding; 1 if something that every run needs is missing, else 0."""
    catalogue = plugins.load(files)
    needed = [*_packages(thorough=thorough), *_database(api.database(db))]
    wanted = [*_device(), *_browser(), *_suites(catalogue), *_checkpoints(catalogue.registry, thorough=thorough)]
    wanted += [(False, "plugin", problem) for problem in catalogue.problems]
    for ok, what, detail in needed + wanted:
        console.say(f"{'ok     ' if ok else 'missing'}  {what}: {detail}")
    return 0 if all(ok for ok, _, _ in needed) else 1


def _packages(*, thorough: bool = False) -> Iterator[Finding]:
    yield True, "python", f"{platform.python_version()} on {platform.system()}, {os.cpu_count()} cores"
    for name in PACKAGES:
        try:
            found = version(name)
            if thorough:
                import_module(name)
            yield True, name, found
        except PackageNotFoundError:
            yield False, name, "not installed; pip install trustdm brings it"
        except Exception as error:  # a package that is broken may raise anything
            yield False, name, f"cannot be imported: {' '.join(str(error).split())}; install it again"


def _database(url: str) -> Iterator[Finding]:
    if "://" not in url and not Path(url).exists():
        yield True, "database", f"{shown(url)} (not there yet; the first run makes it)"
        return
    try:
        with Store.open(url) as store:
            yield True, "database", f"{shown(url)}, {len(store.cells())} cells"
    except TrustdmError as error:
        yield False, "database", str(error)


def _device() -> Iterator[Finding]:
    if not DRIVER.exists():
        yield True, "device", "cpu (no NVIDIA driver)"
        return
    import torch

    if torch.cuda.is_available():
        names = {torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())}
        yield True, "device", ", ".join(sorted(names))
    else:
        yield True, "device", "cpu (there is an NVIDIA driver, but torch finds no CUDA device)"


def _browser() -> Iterator[Finding]:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    yield bool(found), "browser", found or "chromium: only the tests of the pages need it"


def _suites(catalogue: plugins.Catalogue) -> Iterator[Finding]:
    for name in shipped():
        suite = catalogue.suite(name)
        try:
            yield from suite.task.needs(suite, catalogue.registry)
        except TrustdmError as error:
            yield False, f"suite {name}", str(error)


def _checkpoints(registry: Registry, *, thorough: bool = False) -> Iterator[Finding]:
    for entry in registry.entries("method"):
        weights = cast(MethodCard, entry.card).weights
        if not weights:
            continue
        try:
            if thorough:
                entry.load()()
                yield True, f"method {entry.name}", "it loads, and its checkpoint has the hash of the card"
            else:
                yield True, f"method {entry.name}", _hashed(entry, weights)
        except TrustdmError as error:
            yield False, f"method {entry.name}", str(error)
        except BaseException as error:  # a stranger's code may raise anything while it is loaded
            if interrupts(error):
                raise
            yield False, f"method {entry.name}", f"it cannot be loaded: {described(error)}"


def _hashed(entry: Entry, weights: tuple[WeightFile, ...]) -> str:
    """What is known of the checkpoints of a method, which lie beside its plugin.

    Raises:
        WeightsError: one is missing, or has another hash.
    """
    folder = Path(getattr(sys.modules[entry.target.partition(":")[0]], "__file__", None) or ".").parent
    before = False
    for file in weights:
        found, known = filehash.hash_of(find(file, folder))
        before |= known
        if found != file.sha256:
            verify(file, folder)
    what = (
        "its checkpoint is here and has the hash" if len(weights) == 1 else "its checkpoints are here, with the hashes"
    )
    return f"{what} of the card{' (not touched since it was hashed)' if before else ''}"
