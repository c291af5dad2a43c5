"""Plugin files of strangers: what of them can be used is listed and shown, the rest is left out in one line."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fuzz.harness import Survivors, budget, chances
from fuzz.pluginfiles import BESIDE, module


@contextmanager
def as_it_was() -> Iterator[None]:
    """What a plugin does to the interpreter by design of Python ends with its case."""
    modules, path, depth = dict(sys.modules), list(sys.path), sys.getrecursionlimit()
    try:
        yield
    finally:
        sys.setrecursionlimit(depth)
        sys.path[:] = path
        for name in sys.modules.keys() - modules.keys():
            if name.startswith(("trustdm_plugin_", "beside_", "case_")):
                del sys.modules[name]


def no_fork() -> int:
    raise OSError("a case forked off a process")


SMOKE = 40
"""So many cases are tried by one verb each, and more by all."""


@budget(SMOKE, 1200)
def test_plugin_files(
    cases: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TRUSTDM_DB", raising=False)
    monkeypatch.setattr(os, "fork", no_fork)  # a second fuzzer would go on from here, and a third
    monkeypatch.setattr(os, "forkpty", no_fork)
    for name, text in BESIDE.items():
        Path(name).write_text(text, encoding="utf-8")
    found = Survivors()
    for case, chance in enumerate(chances("plugin files", cases)):
        path = Path(f"case_{case}.py")
        path.write_bytes(module(path.stem, chance))
        verbs = [["list", "--plugin", str(path)], ["show", "mine", "--plugin", str(path)]]
        for words in verbs if cases > SMOKE else [chance.choice(verbs)]:
            with as_it_was():
                more = ["--json"] if chance.random() < 0.4 else []
                found.commands([*words, *more], capsys, of=path.read_bytes()[-300:], lines_of_ours=True)
        path.unlink()
    found.check()
