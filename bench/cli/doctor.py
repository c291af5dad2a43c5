"""``trustdm doctor``: what this machine can run, and what is missing."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import cast

from trustdm.bench import api, plugins
from trustdm.bench.cli import console
from trustdm.bench.contracts import MethodCard
from trustdm.bench.errors import TrustdmError
from trustdm.bench.registry import Registry
from trustdm.bench.store.store import Store
from trustdm.bench.suite.load import shipped
from trustdm.bench.tasks.contract import Finding


def report(db: str | None, files: tuple[Path, ...]) -> int:
    """Prints one line for each finding; 1 if something that every run needs is missing, else 0."""
    catalogue = plugins.load(files)
    needed = [*_packages(), *_database(api.database(db))]
    wanted = [*_device(), *_browser(), *_suites(catalogue), *_checkpoints(catalogue.registry)]
    wanted += [(False, "plugin", problem) for problem in catalogue.problems]
    for ok, what, detail in needed + wanted:
        console.say(f"{'ok     ' if ok else 'missing'}  {what}: {detail}")
    return 0 if all(ok for ok, _, _ in needed) else 1


def _packages() -> Iterator[Finding]:
    yield True, "python", f"{platform.python_version()} on {platform.system()}, {os.cpu_count()} cores"
    for name in ("torch", "pyautoattack", "sqlalchemy", "scipy"):
        try:
            yield True, name, version(name)
        except PackageNotFoundError:
            yield False, name, "not installed; pip install trustdm brings it"


def _database(url: str) -> Iterator[Finding]:
    if "://" not in url and not Path(url).exists():
        yield True, "database", f"{url} (not there yet; the first run makes it)"
        return
    try:
        with Store.open(url) as store:
            yield True, "database", f"{url}, {len(store.cells())} cells"
    except TrustdmError as error:
        yield False, "database", str(error)


def _device() -> Iterator[Finding]:
    import torch

    if torch.cuda.is_available():
        names = {torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())}
        yield True, "device", ", ".join(sorted(names))
    else:
        yield True, "device", "cpu (no CUDA device)"


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


def _checkpoints(registry: Registry) -> Iterator[Finding]:
    for entry in registry.entries("method"):
        if not cast(MethodCard, entry.card).weights:
            continue
        try:
            entry.load()()
            yield True, f"method {entry.name}", "its checkpoint is here and has the hash of the card"
        except TrustdmError as error:
            yield False, f"method {entry.name}", str(error)
