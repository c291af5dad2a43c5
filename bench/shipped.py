"""What the package ships beside its code: suites, and full-size results that were measured before."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trustdm.bench.plugins import load_suite
from trustdm.bench.suite.load import Suite, shipped

if TYPE_CHECKING:
    from trustdm.bench.store.store import Store

SHIPPED = "trustdm"
"""What the labs are called whose results come with the package."""


def measured() -> Path:
    """The folder of shipped run files, ``results/measured``."""
    return Path(str(files("trustdm.results"))) / "measured"


def import_shipped(store: Store) -> int:
    """Imports every shipped run file, and names the labs they come from; the number of blocks that were new."""
    from trustdm.bench.store import runimport

    files = sorted(measured().glob("*/*.json"))
    if not files:
        return 0
    added = runimport.import_folder(store, measured())
    store.name_unnamed(SHIPPED, {cell["lab"] for file in files for cell in _cells(file)})
    return added


def _cells(file: Path) -> list[dict[str, Any]]:
    cells: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8")).get("cells", [])
    return cells


def demo_suites() -> list[str]:
    """The shipped suites that declare a demo size."""
    return [name for name in shipped() if load_suite(name).size.demo]


def known_suites(store: Store, extra: Sequence[str]) -> list[Suite]:
    """The shipped suites and those of ``extra`` (files)."""
    return [load_suite(name) for name in (*shipped(), *extra)]


def untested(suite: Suite, full_rows: int = 0) -> bool:
    """Whether a suite has never been run at full size: neither in the shipped results nor in this database."""
    return full_rows == 0 and not any(_is_full(path, suite) for path in (measured() / suite.name).glob("*.json"))


def shipped_rows(suite: Suite) -> int:
    """How many results of a suite come with the package."""
    return sum(1 for _ in (measured() / suite.name).glob("*.json"))


def _is_full(path: Path, suite: Suite) -> bool:
    cells = _cells(path)
    digests = {c["identity"]["suite_digest"] for c in cells}
    return digests == {suite.digest} and all(
        sum(b["stop"] - b["start"] for b in c["blocks"]) == len(suite.positions(c["identity"]["evaluation"]).ids)
        for c in cells
    )
