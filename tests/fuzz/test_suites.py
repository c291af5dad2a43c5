"""Suite files and split files of strangers."""

from __future__ import annotations

import hashlib
import json
import random
import re
from pathlib import Path

from fuzz.harness import TEXTS, Survivors, budget, chances, damaged
from helpers import TEMPLATES, TINY

from trustdm.bench import plugins
from trustdm.bench.plan import choose, plan_cells

TEXT = TINY.read_text(encoding="utf-8")
VALUES = [
    "[" * 900 + "]" * 900,
    "[" * 100_000,
    "9" * 5000,
    "9" * 400,
    str(2**70),
    str(2**63 - 1),
    "-1",
    "0",
    "1e999",
    "nan",
    "true",
    "[]",
    "{}",
    '["0-9", 3]',
    f"[{2**70}]",
    r'"\u0000"',
    '"1e-999999999"',
    '"1/9999999999"',
    '"' + "9" * 399 + '"',
    '"0-999999999"',
    "1979-05-27T07:32:00Z",
    "{" + ".".join("a" * 300) + " = 1}",
]

KEYS = ("x", "draws", "seeds", "step_size")


def value(chance: random.Random) -> str:
    return chance.choice(VALUES) if chance.random() < 0.6 else json.dumps(chance.choice(TEXTS))


def changed(chance: random.Random) -> bytes:
    """The tiny suite with a few values, keys or bytes that are others."""
    lines = TEXT.splitlines()
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        at = chance.randrange(len(lines))
        key = lines[at].partition("=")[0].strip() if "=" in lines[at] else chance.choice(KEYS)
        dotted = ".".join("a" * 300) if chance.random() < 0.1 else key
        line = f"{dotted} = {value(chance)}"
        lines[at : at + (0 if chance.random() < 0.2 else 1)] = [line]
    content = "\n".join(lines).encode("utf-8", "surrogatepass")
    return damaged(content, chance) if chance.random() < 0.2 else content


@budget(120, 2500)
def test_suites(cases: int, tmp_path: Path) -> None:
    """What can be read can be planned as well."""
    catalogue, found = plugins.load((TEMPLATES,), installed=False), Survivors()
    path = tmp_path / "suite.toml"

    def read() -> None:
        suite = catalogue.suite(path)
        plan_cells(suite, choose(suite, catalogue.registry, ("templates",)), catalogue.registry, limit=8)

    for chance in chances("suites", cases):
        path.write_bytes(content := changed(chance))
        found.runs(content, read)
    found.check()


def lists(chance: random.Random) -> bytes:
    whole = json.dumps({"train": "100-199", "validation": ["200-219"], "test": [*range(8), "20-40"]}).encode()
    if chance.random() < 0.3:
        return damaged(whole, chance)
    pieces = [value(chance) for _ in range(3)]
    return '{{"train": {}, "validation": {}, "test": {}}}'.format(*pieces).encode("utf-8", "surrogatepass")


@budget(60, 1500)
def test_split_files(cases: int, tmp_path: Path) -> None:
    catalogue, found = plugins.load(installed=False), Survivors()
    path, beside = tmp_path / "suite.toml", tmp_path / "lists.json"
    for chance in chances("splits", cases):
        beside.write_bytes(content := lists(chance))
        name = "lists.json" if chance.random() < 0.8 else chance.choice(TEXTS)
        table = f'[data.splits]\nfile = {json.dumps(name)}\nsha256 = "{hashlib.sha256(content).hexdigest()}"\n\n'
        text = re.sub(r"(?ms)^\[data.splits\].*?(?=^\[)", lambda _, new=table: new, TEXT)
        path.write_text(text, encoding="utf-8")
        found.runs((name, content), lambda: catalogue.suite(path))
    found.check()
