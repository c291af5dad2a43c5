"""A small certified suite over the digits, a base classifier whose radii are known, and how they are measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from trustdm.bench import api
from trustdm.bench.plugins import load, load_suite
from trustdm.bench.runner.run import Report
from trustdm.bench.store.store import Store
from trustdm.bench.suite.data import open_data
from trustdm.bench.summary.row import Row
from trustdm.bench.summary.rows import rows

SUITES = Path(__file__).parents[1] / "suites"
SIGMA = 0.25
LINEAR = '''
import torch
from trustdm import MethodCard, method

CARD = MethodCard(name="{name}", capabilities=("classify_noisy",), input_shape=(1, 8, 8), classes=10{card})


@method(CARD)
class Linear:
    """Two half spaces: the smoothed radius is the distance to the plane."""

    def __init__(self):
        generator = torch.Generator().manual_seed(1)
        self.w = torch.randn(64, generator=generator)
        self.w /= self.w.norm()
        self.kept = None

    def score(self, x):
        return x.flatten(1) @ self.w + 0.1

    def classify_noisy(self, x, sigma{extra}):
        {body}
'''
BODY = """s = self.score(x)
        return torch.cat([torch.stack([s, -s], dim=1), torch.full((len(x), 8), -1e9)], dim=1)"""
SUITE = """
name = "certified"
version = 1
title = "Certified digits"

[certification]
alpha = "1/10"
selection = 20
estimation = 200
chunk = 100

[data]
dataset = "digits"
DIGEST
shape = [1, 8, 8]
classes = 10

[data.splits]
test = "1200-1259"

[size]
demo = 4
full = 60
first_block = 6
block = 48

[evaluations.fixed]
protocol = "certified"
sigma = "1/4"

[evaluations.declared]
protocol = "certified-sequential"
sigma = "1/4"
radii = ["1/8"]
alpha = "1/10"
cap = 200

[[metrics]]
name = "radius"
evaluation = "fixed"
statistic = "certified-radius"

[[metrics]]
name = "at_zero"
evaluation = "fixed"
statistic = "certified"
radius = "0"

[[metrics]]
name = "at_eighth"
evaluation = "fixed"
statistic = "certified"
radius = "1/8"

[[metrics]]
name = "abstained"
evaluation = "fixed"
statistic = "abstention"
direction = "lower"

[[metrics]]
name = "declared"
evaluation = "declared"
statistic = "certified"
radius = "1/8"

[[metrics]]
name = "draws"
evaluation = "declared"
statistic = "draws"
direction = "lower"

[ranking]
metric = "radius"
"""


def base_classifier(folder: Path, name: str = "linear", body: str = BODY, card: str = "", extra: str = "") -> Path:
    """A plugin file with one base classifier."""
    path = folder / f"{name}.py"
    path.write_text(LINEAR.format(name=name, body=body, card=card, extra=extra), encoding="utf-8")
    return path


def certified_suite(folder: Path) -> Path:
    """60 digits, 20 draws to select, 200 to estimate in chunks of 100; and a sequential evaluation."""
    text = (SUITES / "digits-linf.toml").read_text(encoding="utf-8")
    digest = next(line for line in text.splitlines() if line.startswith("digest"))
    path = folder / "certified.toml"
    path.write_text(SUITE.replace("DIGEST", digest), encoding="utf-8")
    return path


def measure(suite: Path, db: str, **how: Any) -> Report:
    """Runs the suite into ``db``, a name beside it."""
    plugins = how.pop("plugins", None) or (base_classifier(suite.parent),)
    names = how.pop("methods", None) or tuple(p.stem for p in plugins)
    request = api.Request(suites=(suite,), methods=names, plugins=tuple(plugins), **how)
    with Store.open(str(suite.parent / db)) as store:
        return api.execute(request, api.prepare(request), store)


def board(suite: Path, db: str) -> list[Row]:
    """Its rows."""
    loaded = load_suite(suite)
    with Store.open(str(suite.parent / db), read_only=True) as store:
        return rows(loaded, store.results(loaded.name))


def arrays(suite: Path, db: str, name: str) -> np.ndarray:
    """The arrays of that name of the cell that has them."""
    with Store.open(str(suite.parent / db), read_only=True) as store:
        (found,) = [a for c in store.cells() if (a := store.arrays(c.id, name)) is not None and len(a) > 60] or [
            a for c in store.cells() if (a := store.arrays(c.id, name)) is not None
        ]
    return found


def truth(suite: Path) -> np.ndarray:
    """The exact radius of each image, by the distance to the plane."""
    import torch

    loaded = load_suite(suite)
    images, _ = open_data(loaded, load().registry).read(loaded.test)
    w = torch.randn(64, generator=torch.Generator().manual_seed(1))
    return (torch.from_numpy(images).flatten(1) @ (w / w.norm()) + 0.1).abs().numpy()
