"""A small generation suite over the digits, a generator that is one convolution, and how they are measured."""

from __future__ import annotations

import shutil
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from trustdm.bench import api
from trustdm.bench.plugins import load_suite
from trustdm.bench.runner.run import Report
from trustdm.bench.store.store import Store
from trustdm.bench.summary.row import Row
from trustdm.bench.summary.rows import rows

GENERATOR = """
import torch
from trustdm import MethodCard, method
from trustdm.bench.rng import Noise


@method(MethodCard(name="{name}", capabilities=("sample",), input_shape=(1, 8, 8), classes={classes}))
class Toy(torch.nn.Module):
    def __init__(self, *, blur: float = 0.0):
        super().__init__()
        self.blur = blur
        self.net = torch.nn.Conv2d(1, 1, 3, padding=1)
        torch.nn.init.constant_(self.net.weight, 1 / 9)
        torch.nn.init.zeros_(self.net.bias)

    def sample(self, seeds, labels, steps):
        if steps < 1:
            raise ValueError(f"steps: expected at least 1, got {{steps}}")
        x = torch.from_numpy(Noise("sample", seeds).uniform("initial", (1, 8, 8)))
        for _ in range(steps):
            x = (self.net(x) + x).clamp(0, 1) / 2
        if labels is not None:
            x = x + 0.01 * labels.reshape(-1, 1, 1, 1)
        {last}
"""


def generator(folder: Path, name: str = "toy", last: str = "return x", classes: int = 10) -> Path:
    """A plugin file with one generator."""
    path = folder / f"{name}.py"
    path.write_text(GENERATOR.format(name=name, last=last, classes=classes), encoding="utf-8")
    return path


def generation_suite(folder: Path) -> Path:
    """The smoke test over 96 seeds in sets of 48, at two and three steps."""
    shipped = Path(str(files("trustdm.suites")))
    for name in ("digits-generation.reference.npz", "digits-linf.splits.json"):
        shutil.copy(shipped / name, folder / name)
    text = (shipped / "digits-generation.toml").read_text(encoding="utf-8")
    head, _, _ = text.partition("[evaluations.steps-5]")
    for old, new in {"set = 500": "set = 48", "full = 500": "full = 96", "block = 250": "block = 32"}.items():
        head = head.replace(old, new)
    head = head.replace("first_block = 32", "first_block = 16")
    evaluations = "".join(f'[evaluations.steps-{s}]\nprotocol = "generation"\nsteps = {s}\n\n' for s in (2, 3))
    shown = "".join(
        f'[[metrics]]\nname = "{s}_{n}"\nevaluation = "steps-{n}"\nstatistic = "{s}"\ndirection = "lower"\n\n'
        for s in ("frechet", "evaluations", "kid", "precision", "recall")
        for n in (2, 3)
    )
    path = folder / "small.toml"
    path.write_text(f'{head}{evaluations}{shown}[ranking]\nmetric = "frechet_3"\n', encoding="utf-8")
    return path


def measure(suite: Path, db: str, *names: str, **how: Any) -> Report:
    """Runs the suite into ``db``, a name beside it."""
    plugins = how.pop("plugins", None) or (generator(suite.parent),)
    request = api.Request(suites=(suite,), methods=names or ("toy",), plugins=tuple(plugins), **how)
    with Store.open(str(suite.parent / db)) as store:
        return api.execute(request, api.prepare(request), store)


def board(suite: Path, db: str) -> list[Row]:
    """Its rows."""
    with Store.open(str(suite.parent / db), read_only=True) as store:
        loaded = load_suite(suite)
        return rows(loaded, store.results(loaded.name))


def arrays(suite: Path, db: str, name: str) -> dict[tuple[str, str], np.ndarray]:
    """The arrays of that name, by method and evaluation."""
    with Store.open(str(suite.parent / db), read_only=True) as store:
        found = {(c.identity.method, c.identity.evaluation): store.arrays(c.id, name) for c in store.cells()}
    return {key: value for key, value in found.items() if value is not None}


def edited(suite: Path, old: str, new: str) -> Path:
    """The suite with one text replaced everywhere."""
    text = suite.read_text(encoding="utf-8")
    assert old in text
    suite.write_text(text.replace(old, new), encoding="utf-8")
    return suite
