"""A defence whose gradient is masked, measured on the first sixteen examples, and what calls the command line."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers import TESTS, TINY, Said, command_line

from trustdm.bench.cli import measure
from trustdm.bench.cli.main import main

STEPPED, UNMASKED = TESTS / "plugins" / "stepped.py", TESTS / "plugins" / "unmasked.py"


@pytest.fixture(scope="session")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the defence on sixteen examples."""
    database = tmp_path_factory.mktemp("stepped") / "bench.db"
    words = ["run", TINY, "--plugin", STEPPED, "--method", "stepped", "--limit", 16, "--db", database]
    assert main([str(word) for word in words]) == 0
    return database


@pytest.fixture
def db(measured: Path, tmp_path: Path) -> Path:
    """A copy of it, with its artefacts."""
    return Path(shutil.copytree(measured.parent, tmp_path / "stepped")) / "bench.db"


@pytest.fixture
def trustdm(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Said]:
    """The command line in this process: a worker takes seconds to begin."""
    monkeypatch.setattr(measure, "APART", False)
    return command_line(capsys)


@pytest.fixture
def attack(trustdm: Callable[..., Said], db: Path) -> Callable[..., Said]:
    """``trustdm attack`` of the database with the attack that knows better; further words come last."""

    def run(*words: object, file: Path = UNMASKED, limit: int = 16) -> Said:
        given = ("attack", file, "--suite", TINY, "--plugin", STEPPED, "--limit", limit, "--db", db, *words)
        return trustdm(*given)

    return run


@pytest.fixture
def row(trustdm: Callable[..., Said], db: Path) -> Callable[..., dict[str, Any]]:
    """The one row of a database as JSON."""

    def read(database: Path = db) -> dict[str, Any]:
        (found,) = json.loads(trustdm("show", TINY, "--json", "--db", database).out)
        return dict(found)

    return read
