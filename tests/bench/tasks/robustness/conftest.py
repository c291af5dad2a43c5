"""One database of defences under adaptive attacks, honest and not, measured once."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from helpers import TESTS

from trustdm.bench.cli.main import main

SHIPPED = TESTS.parent / "suites"
PURIFIERS = TESTS / "plugins" / "purifiers.py"
HONEST = ("honest", "whole", "global", "plain")
METHODS = (*HONEST, "redrawn", "detached", "masked", "cached", "blind", "rejecting", "counting")
SHORTER = {"steps = 40": "steps = 4", "steps = 20": "steps = 4", "eot = 10": "eot = 3", "queries = 100": "queries = 5"}


def small_suite(folder: Path) -> Path:
    """The shipped suite of the digits with short attacks and four draws."""
    shutil.copy(SHIPPED / "digits-purification.splits.json", folder)
    text = (SHIPPED / "digits-purification.toml").read_text(encoding="utf-8")
    for old, new in {**SHORTER, "draws = 10": "draws = 4", '"digits-purification"': '"small"'}.items():
        assert old in text, old
        text = text.replace(old, new)
    path = folder / "small.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def defences(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The suite and the database: each of METHODS on the first 16 examples."""
    folder = tmp_path_factory.mktemp("defences")
    suite, database = small_suite(folder), folder / "bench.db"
    chosen = [word for name in METHODS for word in ("--method", name)]
    words = ["run", str(suite), "--plugin", str(PURIFIERS), *chosen, "--limit", "16", "--db", str(database)]
    assert main(words) == 0
    return suite, database
