"""The command line in this process, in a folder of the test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers import TEMPLATES, TINY

from trustdm.bench.cli.main import main


class Ran:
    """What a command said, and its exit code."""

    def __init__(self, code: int, out: str, err: str):
        self.code, self.out, self.err = code, out, err


@pytest.fixture
def trustdm(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TRUSTDM_DB", raising=False)

    def run(*words: object) -> Ran:
        capsys.readouterr()
        code = main([str(w) for w in words])
        said = capsys.readouterr()
        return Ran(code, said.out, said.err)

    return run


@pytest.fixture
def tiny(trustdm: Any) -> Any:
    """Runs the first eight examples of the tiny suite."""

    def run(*more: object) -> Ran:
        ran = trustdm("run", TINY, "--plugin", TEMPLATES, "--method", "templates", "--limit", 8, *more)
        assert isinstance(ran, Ran)
        return ran

    return run
