"""A store with results that look like real ones: made up here, stored and summed up by the real code."""

from __future__ import annotations

import json
import os
import shutil
import sys
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trustdm.bench.hashing import canonical_json
from trustdm.bench.plugins import load_suite, stored_suite
from trustdm.bench.records import Records, failed
from trustdm.bench.store.rows import BlockRow
from trustdm.bench.store.store import Store
from trustdm.bench.suite.load import Suite
from trustdm.bench.suite.models import MetricSpec, Table
from trustdm.bench.summary.cell import CellView
from trustdm.bench.summary.score import Score
from trustdm.bench.tasks.contract import Metric, Task
from trustdm.bench.tasks.generation.task import generation as table_of
from trustdm.bench.tasks.generation.task import reference_file
from trustdm.bench.types import Block, CellIdentity, Cost, Estimate, RunInfo, Status, blocks_of
from trustdm.leaderboard.boards import Board
from trustdm.leaderboard.build import build_site
from trustdm.leaderboard.loading import load

HIDDEN = " \x1b[31m\u202egnp.\u2066x\u061c"
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
    evil = {"claim": HOSTILE, "summary": HOSTILE + HIDDEN, "licence": HOSTILE + HIDDEN}
    evil |= {"authors": [HOSTILE + HIDDEN], "tags": [HOSTILE, HIDDEN]}
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
            "unstable-net",
            (0.95, 0.5, 0.45, 0.42, 0.41, 0.4),
            fail=NAN + HOSTILE + HIDDEN,
            card={"title": "Unstable network"},
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


@dataclass
class Generator:
    """A generator nobody ran: its features are those of real images with noise, which falls with the steps to ``best``.

    ``passes`` are network evaluations a step; ``n`` images are made of those that the suite asks for.
    """

    name: str
    sampler: str
    best: float
    speed: float = 0.35
    passes: float = 2.0
    n: int = 10_000
    labelled: bool = True
    title: str = ""
    fail: bool = False

    def card(self) -> dict[str, object]:
        shape = {"input_shape": [1, 8, 8], "classes": 10 * self.labelled, "capabilities": ["sample"]}
        about = {"title": self.title, "tags": ["diffusion"], "variants": ["sampler=heun", "sampler=euler"]}
        return {"name": self.name, "version": "1", **about, **shape}


def add_generator(store: Store, suite: Suite, fake: Generator) -> None:
    """Stores the results of every evaluation of a generation suite in the suite's blocks."""
    real = np.load(reference_file(suite))["features"].astype(np.float64)
    for evaluation, spec in suite.evaluations.items():
        params = {"sampler": fake.sampler} if fake.sampler else {}
        identity = CellIdentity(
            method=fake.name,
            method_version="1",
            method_params=tuple(params.items()),
            weights=("ab" * 32,),
            suite=suite.name,
            suite_version=suite.version,
            suite_digest=suite.digest,
            data_digest=table_of(suite).reference_sha256 or "",
            evaluation=evaluation,
            protocol="generation",
            protocol_version="1",
            params=canonical_json(spec.params),
            block_rule=suite.block_rule,
            precision=suite.precision,
            seed=0,
        )
        given = {"planned": suite.size.full, "code_digest": "c0de" * 16, "card": fake.card()}
        cell = store.cell(identity, suite_content=suite.content, **given)
        for block in blocks_of(suite.size.full, suite.size.first_block, suite.size.block):
            if block.start < fake.n:
                _made_block(store, suite, fake, spec.params["steps"], cell.id, block, real)


def _made_block(store: Store, suite: Suite, fake: Generator, steps: int, cell_id: int, block: Block, real: Any) -> None:
    ids, size = np.arange(block.start, block.stop), len(block)
    random = np.random.default_rng([sum(map(ord, fake.name + fake.sampler)), block.start])
    noise = fake.best + 2.5 * float(np.exp(-fake.speed * (steps - 1)))
    features = real[random.integers(len(real), size=size)] + noise * real.std(axis=0) * random.normal(size=(size, 32))
    evaluations = np.full(size, np.ceil(fake.passes * steps - (fake.passes == 2)))
    asked = ids % suite.data.classes if fake.labelled else np.full(size, -1)
    arrays: dict[str, Any] = {"features": features.astype(np.float16)}
    if block.start < 64:
        arrays["samples"] = drawn(asked, suite.data.shape, noise, random)[: 64 - block.start]
    passes = {"passes unet": float(evaluations.sum())} | ({"passes guide": 3.0 * size} if fake.labelled else {})
    cost = Cost(0.004 * size, 0.0035 * size, int(evaluations.sum()), 0, 71 << 20)
    row = BlockRow(block, "done", RUN.id, "2026-11-21T10:20:00+00:00", 64, "cpu", 1, cost)
    made = Records.of("sample", ids, np.full(size, Status.MADE), label=asked, value=evaluations)
    if fake.fail and block.start:
        store.commit(cell_id, replace(row, status="failed", error="ContractError: NaN pixels"), failed(ids), {}, {})
    else:
        store.commit(cell_id, row, made, passes, arrays)


def drawn(asked: Any, shape: tuple[int, ...], noise: float, random: Any) -> Any:
    """Grey images (n, C, H, W), one level of grey for each class, with noise."""
    level = np.broadcast_to(20 * (1 + np.asarray(asked))[:, None, None, None], (len(asked), *shape))
    return np.clip(level + 20 * noise * random.normal(size=level.shape), 0, 255).astype(np.uint8)


def plausible_generators() -> list[Generator]:
    """A dozen rows as a board of generators might have them: four methods with several samplers, and previews."""
    edm, ddpm, ncsn = ("EDM, class-conditional (digits)", "DDPM (digits)", "NCSN (digits)")
    free = {"labelled": False}
    return [
        Generator("digits-edm", "heun", 0.05, title=edm),
        Generator("digits-edm", "euler", 0.12, 0.2, 1.0, title=edm),
        Generator("digits-edm", "stochastic", 0.04, 0.25, title=edm),
        Generator("digits-edm-uncond", "heun", 0.3, title="EDM, unconditional (digits)", **free),
        Generator("digits-ddpm", "ancestral", 0.35, 0.1, 1.0, title=ddpm),
        Generator("digits-ddpm", "ddim", 0.2, 0.2, 1.0, title=ddpm),
        Generator("digits-ddpm", "predictor-corrector", 0.3, 0.12, 2.5, title=ddpm),
        Generator("digits-ncsn", "langevin", 0.6, 0.08, 5.0, title=ncsn, **free),
        Generator("digits-ncsn", "ode", 0.5, 0.3, 1.0, title=ncsn, **free),
        Generator("digits-ldm", "ddim", 0.25, 0.4, 1.5, title="Latent diffusion"),
        Generator("digits-broken", "", 0.5, title="Broken", fail=True),
        Generator("a-preview", "heun", 0.2, n=64, title="A preview"),
        Generator("another-preview", "", 0.4, n=64),
    ]


@pytest.fixture(scope="session")
def generation(tmp_path_factory: pytest.TempPathFactory) -> Suite:
    """The shipped smoke test of generators with three sets of 100 images in place of one of 500."""
    shipped = load_suite("digits-generation")
    folder = tmp_path_factory.mktemp("suites")
    words = shipped.source.read_text(encoding="utf-8")
    for old, new in (("set = 500", "set = 100"), ("full = 500", "full = 300"), ("block = 250", "block = 150")):
        assert old in words
        words = words.replace(old, new)
    for name in ("digits-linf.splits.json", "digits-generation.reference.npz"):
        (folder / name).write_bytes((shipped.root / name).read_bytes())
    (folder / "digits-generation.toml").write_text(words, encoding="utf-8")
    return load_suite(folder / "digits-generation.toml")


@pytest.fixture(scope="session")
def generated(tmp_path_factory: pytest.TempPathFactory, generation: Suite) -> Path:
    """The folder of a site with one board of generators."""
    folder = tmp_path_factory.mktemp("generated")
    with Store.open(folder / "bench.db") as store:
        World(store)
        for fake in plausible_generators():
            add_generator(store, generation, fake)
        build_site(store, folder / "site", [generation])
    return folder / "site"


@pytest.fixture(scope="session")
def generators(tmp_path_factory: pytest.TempPathFactory, generation: Suite) -> Iterator[Board]:
    """A small board of generators: four methods, one of them twice, one a preview; its store stays open."""
    fakes = plausible_generators()
    with Store.open(tmp_path_factory.mktemp("generators") / "bench.db") as store:
        World(store)
        for fake in (fakes[0], fakes[1], fakes[3], fakes[7], fakes[11]):
            add_generator(store, generation, fake)
        yield load(store, [generation]).boards[0]


FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
)


def missing(reason: str) -> None:
    if os.environ.get("TRUSTDM_REQUIRE_BROWSER") == "1":
        pytest.fail(f"{reason}, and TRUSTDM_REQUIRE_BROWSER=1")
    pytest.skip(f"{reason}; page tests need both")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("playwright is not installed")
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        missing("no chromium on the PATH")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        yield browser
        browser.close()


class DivingTable(Table):
    """Nothing is asked but the depth."""

    depth: int = 10


def dived(cell: CellView, spec: MetricSpec) -> Score | None:
    """The mean of what was recorded; a value above 90 stands for a rope that was too short."""
    values = cell.records.value.astype(np.float64)
    mean = float(values.mean())
    caveat = "the rope was too short" if values.max() > 90 else ""
    return Score(Estimate(mean, mean - 0.05, mean + 0.05, len(values)), cell.records.example, values, caveat=caveat)


class Diving(Task):
    """A task that comes from outside, without a view, about something that is no image."""

    name = "diving"
    key = "diving"
    title = "Diving"
    summary = "how deep and how long"
    table = DivingTable
    capability = "classify"
    unit = "dive"
    metrics = (
        Metric("held", "toydiving:dived", "share", "Share of dives held for long enough"),
        Metric("depth", "toydiving:dived", "length", "Mean depth of a dive"),
        Metric("breaths", "toydiving:dived", "count", "Breaths before a dive"),
        Metric("distance", "toydiving:dived", "distance", "Distance from the rope"),
        Metric("bits", "toydiving:dived", "bits", "Bits that a dive tells"),
    )

    def says(self, suite: Suite) -> list[str]:
        return ["free diving", "down a rope", "without a bell"]


sys.modules["toydiving"] = types.ModuleType("toydiving")
vars(sys.modules["toydiving"])["dived"] = dived


def diving_suite(task: Task, **changes: Any) -> Suite:
    """A suite of the toy task: 12 dives in a pool, 12 at sea."""
    columns = [("held", "pool"), ("depth", "pool"), ("breaths", "pool"), ("distance", "sea"), ("bits", "sea")]
    raw = {
        "name": "rope",
        "version": 1,
        "title": "Down the rope",
        "diving": {"depth": 5},
        "data": {
            "dataset": "dives",
            "digest": "0" * 64,
            "shape": [5],
            "classes": 2,
            "splits": {"train": "90000", "validation": "90001", "test": "0-11"},
        },
        "size": {"demo": 2, "full": 12},
        "evaluations": {"pool": {"protocol": "clean"}, "sea": {"protocol": "clean"}},
        "metrics": [
            {"name": f"{name}_{where}", "evaluation": where, "statistic": name, "direction": "higher"}
            for name, where in columns
        ],
        "ranking": {"metric": "held_pool"},
        **changes,
    }
    return stored_suite(json.dumps(raw), "rope.toml", {task.key: task})


def add_dives(store: Store, suite: Suite, name: str, values: list[float], sea: list[float]) -> None:
    """Stores a dive for each value, at each place."""
    for evaluation, recorded in (("pool", values), ("sea", sea)):
        identity = CellIdentity(
            method=name,
            method_version="1",
            method_params=(),
            weights=(),
            suite=suite.name,
            suite_version=suite.version,
            suite_digest=suite.digest,
            data_digest="",
            evaluation=evaluation,
            protocol="clean",
            protocol_version="1",
            params=canonical_json({}),
            block_rule=suite.block_rule,
            precision="float32",
            seed=0,
        )
        card = {"name": name, "version": "1", "input_shape": [5], "tags": ["toy"]}
        cell = store.cell(identity, planned=12, code_digest="00" * 32, card=card, suite_content=suite.content)
        block = Block(0, len(recorded))
        row = BlockRow(block, "done", RUN.id, "2026-11-23T10:20:00+00:00", 4, "cpu", 1, Cost(1.0, 0.5, 24, 0, 0))
        status = np.where(np.asarray(recorded) > 0.5, Status.CORRECT, Status.WRONG)
        label = [at % 2 for at in range(len(recorded))]
        store.commit(cell.id, row, Records.of("dive", suite.test[: len(recorded)], status, label=label, value=recorded))


@pytest.fixture(scope="session")
def diving() -> Diving:
    return Diving()


@pytest.fixture(scope="session")
def dives(tmp_path_factory: pytest.TempPathFactory, diving: Diving) -> Iterator[Board]:
    """A board of the toy task: two full rows, one with a caveat, a preview; its store stays open."""
    suite = diving_suite(diving)
    with Store.open(tmp_path_factory.mktemp("dives") / "bench.db") as store:
        World(store)
        add_dives(store, suite, "deep", [1.0] * 11 + [0.0], [4.0 + at for at in range(12)])
        add_dives(store, suite, "shallow", [0.0] * 10 + [1.0, 0.0], [0.5 * at for at in range(12)])
        add_dives(store, suite, "short-rope", [95.0] * 12, [1.0] * 12)
        add_dives(store, suite, "tired", [1.0, 0.0], [1.0, 2.0])
        yield load(store, [suite]).boards[0]
