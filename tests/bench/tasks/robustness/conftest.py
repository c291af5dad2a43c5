"""One database of defences under adaptive attacks, honest and not, measured once."""

from __future__ import annotations

from pathlib import Path

import pytest
from defences import METHODS, PURIFIERS, small_suite

from trustdm.bench.cli.main import main


@pytest.fixture(scope="session")
def defences(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The suite and the database: each of METHODS on the first 16 examples."""
    folder = tmp_path_factory.mktemp("defences")
    suite, database = small_suite(folder), folder / "bench.db"
    chosen = [word for name in METHODS for word in ("--method", name)]
    words = ["run", str(suite), "--plugin", str(PURIFIERS), *chosen, "--limit", "16", "--db", str(database)]
    assert main(words) == 0
    return suite, database
