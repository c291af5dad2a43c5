"""A short suite of randomized defences under adaptive attacks, and the defences, honest and not."""

from __future__ import annotations

import shutil
from pathlib import Path

from helpers import TESTS

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
