"""A store with results that look like real ones: made up here, stored and summed up by the real code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trustdm.bench.records import Records, failed
from trustdm.bench.store.rows import BlockRow
from trustdm.bench.store.store import Store
from trustdm.bench.suite import Suite, load_suite
from trustdm.bench.types import Block, CellIdentity, Cost, RunInfo, Status, canonical_json
from trustdm.leaderboard.build import build_site

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
NAN = "ContractError: classify returned NaN for 3 of 64 images; expected finite logits"
RUN = RunInfo(
    id="5f0c1a52-0000-4000-8000-000000000001",
    started="2026-11-20T09:14:03.120000+00:00",
    command="trustdm run mnist16-linf --jobs 2",
    commit="3f9c2d71b0a4e85d6c7f1e2a9b8d7c6e5f4a3b2c",
    dirty=True,
    facts={"version.torch": "2.12.1", "machine.processor": "Xeon", "setting.threads": "1", "setting.seeds": "0"},
)


@dataclass
class Fake:
    """A method nobody ran: ``levels``: the shares that are correct, clean, under PGD, then AutoAttack."""

    name: str
    levels: tuple[float, ...] = (0.97, 0.7, 0.68, 0.66, 0.66, 0.66)
    n: int = 1000
    params: tuple[tuple[str, object], ...] = ()
    card: Mapping[str, object] = field(default_factory=dict)
    suite_digest: str = ""
    fail: str = ""
    diagnostics: Mapping[str, float] = field(default_factory=dict)

    def full_card(self) -> dict[str, object]:
        shape = {"input_shape": [1, 16, 16], "classes": 10, "randomness": "none", "gradient": "exact"}
        return {"name": self.name, "version": "1", **shape, **self.card}


class World:
    """Puts fakes into a store."""

    def __init__(self, store: Store):
        self.store = store
        store.begin_run(RUN)
        store.finish_run(RUN.id, 0)

    def add(self, suite: Suite, fake: Fake) -> None:
        """Stores the results of every evaluation of ``suite``, in three blocks; the last one fails if it should."""
        n = min(fake.n, len(suite.test))
        for evaluation in suite.evaluations:
            cell_id = self._cell(suite, fake, evaluation)
            for start, stop in ((0, 8), (8, n // 2), (n // 2, n)):
                self._block(suite, fake, evaluation, cell_id, Block(start, stop))

    def _cell(self, suite: Suite, fake: Fake, evaluation: str) -> int:
        spec = suite.evaluations[evaluation]
        identity = CellIdentity(
            method=fake.name,
            method_version="1",
            method_params=fake.params,
            weights=("ab" * 32,),
            suite=suite.name,
            suite_version=suite.version,
            suite_digest=fake.suite_digest or suite.digest,
            data_digest=suite.data.digest,
            evaluation=evaluation,
            protocol=spec.protocol,
            protocol_version="1",
            params=canonical_json(spec.params),
            block_rule=suite.block_rule,
            precision=suite.precision,
            seed=0,
        )
        given = {"planned": len(suite.test), "code_digest": "c0de" * 16, "card": fake.full_card()}
        return self.store.cell(identity, suite_content=suite.content, **given).id

    def _block(self, suite: Suite, fake: Fake, evaluation: str, cell_id: int, block: Block) -> None:
        ids, size = suite.test[block.start : block.stop], len(block)
        bad = bool(fake.fail) and block.start > 8
        records = failed(ids) if bad else made_up(suite, fake.levels, evaluation, ids, fake.name)
        first = block.start == 0
        forwards, gradients = (7852, 1910) if evaluation == "autoattack" else (41, 40)
        cost = Cost(0.02 * size, 0.018 * size, forwards * size, gradients * size, 91 << 20)
        row = BlockRow(block, "failed" if bad else "done", RUN.id, "2026-11-20T09:20:00+00:00", 64, "cpu", 1, cost)
        row = replace(row, error=fake.fail) if bad else row
        arrays = pictures(suite, ids) if first and evaluation == "autoattack" else {}
        self.store.commit(cell_id, row, records, fake.diagnostics if first else {}, arrays)


def made_up(suite: Suite, levels: tuple[float, ...], evaluation: str, ids: Any, name: str) -> Records:
    """Records in which hard examples are hard for every method, so that paired tests have something to find."""
    hard = np.random.default_rng(7).random(1 + int(suite.test.max()))[ids]
    own = np.random.default_rng(sum(map(ord, name))).random(len(hard))
    ease = 0.9 * hard + 0.1 * own
    attacks = [a["name"] for a in suite.evaluations[evaluation].params.get("attacks", ())]
    reach = {"clean": levels[0], "pgd": levels[1]} | dict(
        zip(attacks[: 4 * (len(attacks) > 1)], levels[2:], strict=False)
    )
    parts, standing = [], np.ones(len(ids), dtype=bool)
    for probe in ["clean", *attacks]:
        right = ease < reach[probe]
        status = np.where(standing, np.where(right, Status.CORRECT, Status.WRONG), Status.NOT_RUN)
        label = np.where(standing, np.where(right, ids % 10, (ids + 3) % 10), -1)
        value = np.where(standing, 6 * (reach[probe] - ease), np.nan)
        parts.append(Records.of(probe, ids, status, label=label, value=value))
        standing &= right
    return Records.concat(parts)


def pictures(suite: Suite, ids: Any) -> dict[str, Any]:
    """Rings with noise, as the artefacts of an adversarial evaluation."""
    ids = np.asarray(ids)
    grid = np.linspace(-1, 1, suite.data.shape[1])
    ring = np.exp(-12 * (np.hypot(grid[:, None], grid[None, :]) - 0.55) ** 2)
    x = np.broadcast_to(ring, (len(ids), *suite.data.shape)).astype(np.float32).copy()
    noise = np.sign(np.random.default_rng(3).normal(size=x.shape))
    said = np.where(np.arange(len(ids)) % 3, ids % 10, (ids + 3) % 10)
    adv = np.clip(x + 0.15 * noise, 0, 1).astype(np.float32)
    labels = {"gallery_examples": ids, "gallery_labels": ids % 10, "gallery_predictions": said}
    return {"x": x, "x_adv": adv, **labels}


def plausible() -> list[Fake]:
    """A dozen methods as a real board might have them, and a hostile one."""
    training = {"tags": ["adversarial training"], "licence": "MIT", "authors": ["A. Madry", "L. Schmidt"]}
    pgd = training | {
        "title": "PGD adversarial training",
        "paper": "Madry et al. 2018, https://arxiv.org/abs/1706.06083",
        "claim": "At least 60% stay correct under AutoAttack.",
        "summary": "A small convolutional network trained on PGD examples.",
        "weights": [{"file": "mnist16-adversarial.safetensors", "sha256": "ab" * 32}],
    }
    edm = training | {"title": "Adversarial training on EDM samples", "generated_data": True}
    pure = {"title": "Score purification", "tags": ["diffusion"], "randomness": "block-seeded", "gradient": "surrogate"}
    evil = {k: HOSTILE for k in ("claim", "summary", "licence")} | {"authors": [HOSTILE], "tags": [HOSTILE]}
    evil |= {"title": HOSTILE + " long" * 40, "paper": "javascript:alert(1)"}
    blind = {"checked_rows": 8.0, "zero_gradient_rows": 2.0}
    return [
        Fake("mnist16-adversarial", (0.969, 0.688, 0.662, 0.655, 0.653, 0.653), card=pgd),
        Fake("mnist16-standard", (0.966, 0.06, 0.031, 0.012, 0.004, 0.0), card={"title": "Standard training"}),
        Fake("edm-augmented", (0.972, 0.715, 0.69, 0.682, 0.68, 0.68), card=edm),
        Fake("edm-augmented-small", (0.961, 0.66, 0.64, 0.632, 0.63, 0.63), params=(("width", 16),), card=edm),
        Fake("trades-beta6", (0.952, 0.672, 0.66, 0.655, 0.655, 0.654), card=training | {"title": "TRADES, β = 6"}),
        Fake("purify-sde", (0.93, 0.61, 0.55, 0.49, 0.47, 0.41), n=64, card=pure),
        Fake("purify-ddpm", (0.91, 0.58, 0.5, 0.44, 0.43, 0.42), n=64, card=pure | {"title": "DDPM purification"}),
        Fake("random-resize", (0.94, 0.3, 0.21, 0.15, 0.12, 0.05), n=64, diagnostics=blind),
        Fake("jacobian-penalty", (0.958, 0.41, 0.36, 0.33, 0.32, 0.31), card={"title": "Jacobian penalty"}),
        Fake("defensive-distillation", (0.96, 0.85, 0.2, 0.1, 0.06, 0.01), diagnostics=blind),
        Fake(
            "unstable-net", (0.95, 0.5, 0.45, 0.42, 0.41, 0.4), fail=NAN + HOSTILE, card={"title": "Unstable network"}
        ),
        Fake("first-protocol", (0.964, 0.64, 0.61, 0.6, 0.6, 0.6), suite_digest="0" * 64, card=training),
        Fake("a-very-long-method-name-" + "x" * 56, (0.9, 0.5, 0.45, 0.44, 0.44, 0.44), n=64, card=evil),
    ]


@pytest.fixture(scope="session")
def suites() -> list[Suite]:
    return [load_suite(name) for name in ("mnist16-linf", "digits-linf", "cifar10-linf")]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with Store.open(tmp_path / "bench.db") as store:
        yield World(store)


@pytest.fixture(scope="session")
def fakes() -> list[Fake]:
    return plausible()


@pytest.fixture(scope="session")
def hostile() -> str:
    return HOSTILE


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory, suites: list[Suite]) -> Path:
    """The folder of a whole site: a full board, a board with previews only, an empty one."""
    folder = tmp_path_factory.mktemp("published")
    with Store.open(folder / "bench.db") as store:
        world = World(store)
        for fake in plausible():
            world.add(suites[0], fake)
        for fake in plausible()[:3]:
            world.add(suites[1], replace(fake, n=64))
        build_site(store, folder / "site", suites)
    return folder / "site"
