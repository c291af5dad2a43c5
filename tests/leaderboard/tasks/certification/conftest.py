"""Certified boards for tests: class counts made up here, stored and scored by the real code."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trustdm.bench.hashing import canonical_json
from trustdm.bench.plugins import load_suite
from trustdm.bench.records import Records
from trustdm.bench.registry import Registry
from trustdm.bench.store.rows import BlockRow
from trustdm.bench.store.store import Store
from trustdm.bench.suite.load import Suite
from trustdm.bench.tasks.certification.sequential import SequentiallyCertified
from trustdm.bench.tasks.certification.task import certification as table_of
from trustdm.bench.tasks.certification.task import chunks_of
from trustdm.bench.types import Block, CellIdentity, Cost, RunInfo, Status
from trustdm.leaderboard.boards import Board
from trustdm.leaderboard.build import build_site
from trustdm.leaderboard.loading import load

RUN = RunInfo(
    id="5f0c1a52-0000-4000-8000-000000000002",
    started="2026-11-22T09:14:03.120000+00:00",
    command="trustdm run mnist16-certified",
    commit="3f9c2d71b0a4e85d6c7f1e2a9b8d7c6e5f4a3b2c",
    dirty=False,
    facts={"version.torch": "2.12.1"},
)


@dataclass
class Smoothed:
    """A certified method nobody ran: ``level`` and ``spread`` of its votes, in units of sigma; ``n`` images."""

    name: str
    level: float = 1.0
    spread: float = 1.0
    n: int = 1000
    params: tuple[tuple[str, object], ...] = ()
    title: str = ""

    def card(self) -> dict[str, object]:
        shape = {"input_shape": [1, 16, 16], "classes": 10, "capabilities": ["classify_noisy"]}
        return {"name": self.name, "version": "1", "title": self.title, "tags": ["smoothing"], **shape}

    def votes(self, sigma: float) -> Any:
        """The probability of the image's own class under noise, for each image (n,)."""
        from scipy.special import ndtr

        ease = np.random.default_rng(5).normal(size=1000)[: self.n]
        own = np.random.default_rng(sum(map(ord, self.name + str(self.params)))).normal(size=self.n)
        return ndtr(self.level + self.spread * (0.95 * ease + 0.3 * own) - 1.1 * sigma)


def add_smoothed(store: Store, suite: Suite, fake: Smoothed) -> None:
    """Stores the counts of every evaluation of a certified suite, in two blocks."""
    for evaluation, spec in suite.evaluations.items():
        identity = CellIdentity(
            method=fake.name,
            method_version="1",
            method_params=fake.params,
            weights=("ab" * 32,),
            suite=suite.name,
            suite_version=suite.version,
            suite_digest=suite.digest,
            data_digest=suite.data.digest,
            evaluation=evaluation,
            protocol=spec.protocol,
            protocol_version="1",
            params=canonical_json(spec.params),
            block_rule=suite.block_rule,
            precision=suite.precision,
            seed=0,
        )
        chunks = chunks_of(suite, evaluation)
        given = {"planned": suite.size.full * chunks, "code_digest": "c0de" * 16, "card": fake.card()}
        cell = store.cell(identity, suite_content=suite.content, **given)
        arrays = _sequential(suite, spec, fake) if chunks == 1 else _counts(suite, spec, fake)
        draws = arrays["trials"].sum(axis=1) + 100 if chunks == 1 else arrays["counts"].sum(axis=1)
        for block in (Block(0, fake.n * chunks // 2), Block(fake.n * chunks // 2, fake.n * chunks)):
            ids, size, drawn = np.arange(block.start, block.stop), len(block), draws[block.start : block.stop]
            label = arrays["truth"][block.start : block.stop]
            made = Records.of("draws", ids, np.full(size, Status.MADE), label=label, value=drawn)
            total = int(drawn.sum())
            cost = Cost(2e-5 * total, 1.9e-5 * total, total, 0, 83 << 20)
            row = BlockRow(block, "done", RUN.id, "2026-11-22T10:20:00+00:00", 256, "cpu", 1, cost)
            kept = {name: array[block.start : block.stop] for name, array in arrays.items()}
            store.commit(cell.id, row, made, {"noisy_images": float(total)}, kept)


def _counts(suite: Suite, spec: Any, fake: Smoothed) -> dict[str, Any]:
    """Class counts: the image's own class with its probability, the rest goes to the next one."""
    it, random = table_of(suite), np.random.default_rng(11)
    chunks = 1 + -(-it.estimation // it.chunk)
    size = np.array([it.selection, *[it.chunk] * (chunks - 1)])
    p = fake.votes(float(Fraction(str(spec.params["sigma"]))))
    hits = random.binomial(np.broadcast_to(size, (fake.n, chunks)), p[:, None]).ravel()
    truth = np.repeat(np.arange(fake.n) % 10, chunks)
    counts = np.zeros((len(hits), suite.data.classes), dtype=np.int32)
    at = np.arange(len(hits))
    counts[at, truth] = hits
    counts[at, (truth + 1) % 10] = np.tile(size, fake.n) - hits
    return {"counts": counts, "truth": truth}


def _sequential(suite: Suite, spec: Any, fake: Smoothed) -> dict[str, Any]:
    plan = SequentiallyCertified(Registry(), **spec.params).plan(table_of(suite).selection)
    p = fake.votes(plan.sigma)
    trials = np.broadcast_to(plan.chunks, (fake.n, len(plan.chunks)))
    successes = np.random.default_rng(12).binomial(trials, np.maximum(p, 1 - p)[:, None])
    used = plan.decide(successes, trials).used
    keep = np.cumsum(trials, axis=1) <= used[:, None]
    successes, trials = (np.where(keep, array, 0).astype(np.int32) for array in (successes, trials))
    return {"successes": successes, "trials": trials, "truth": (np.arange(fake.n) + (p < 0.5)) % 10}


def add_log(store: Store, suite: Suite, missing: int = 0) -> None:
    """Stores a published log of one evaluation, which lacks its last ``missing`` images."""
    evaluation, name, n = next(iter(suite.evaluations)), "cohen-2019", 500 - missing
    said = (("alpha", "1/1000"), ("draws", 100_100))
    identity = CellIdentity(
        method=name,
        method_version="1",
        method_params=said,
        weights=(),
        suite=suite.name,
        suite_version=suite.version,
        suite_digest=suite.digest,
        data_digest="",
        evaluation=evaluation,
        protocol="log",
        protocol_version="1",
        params=canonical_json({}),
        block_rule="whole",
        precision="as reported",
        seed=0,
    )
    card = {"name": name, "version": "1", "title": "Cohen et al. 2019", "capabilities": ["classify_noisy"]}
    given = {"planned": 500, "code_digest": "10" * 32, "card": card, "suite_content": suite.content}
    cell = store.reported_cell(identity, **given)
    random = np.random.default_rng(3)
    radius = np.clip(random.normal(0.3, 0.35, n), 0, 0.8)
    right = random.random(n) < 0.8
    status = np.where(radius == 0, Status.ABSTAINED, np.where(right, Status.CORRECT, Status.WRONG))
    records = Records.of("log", suite.test[:n], status, label=np.zeros(n), value=np.where(right, radius, -radius))
    row = BlockRow(Block(0, n), "done", RUN.id, "2026-11-22T10:20:00+00:00", 0, "as reported", 1, Cost(wall=100.0))
    store.commit(cell.id, row, records, {"missing_rows": float(missing), "draws": 100_100.0}, {})


def begin(store: Store) -> None:
    """The run that all results belong to."""
    store.begin_run(RUN)
    store.finish_run(RUN.id, 0)


def plausible_smoothed() -> list[Smoothed]:
    """Five rows as a certified board might have them, and two previews."""
    title = "Denoise, then classify"
    denoised = (("classifier", "mnist16-standard@1"), ("denoiser", "mnist16-edm@1"))
    plain = (("classifier", "mnist16-standard@1"), ("denoiser", "none"))
    return [
        Smoothed("denoised-smoothing", 2.2, 0.9, params=denoised, title=title),
        Smoothed("denoised-smoothing", 0.5, 0.7, params=plain, title=title),
        Smoothed("mnist16-noise-trained", 2.0, 0.8, title="Noise-trained classifier (mnist16)"),
        Smoothed("denoised-multistep", 1.8, 1.1, title="Denoise in 8 steps, then classify"),
        Smoothed("a-preview", 1.2, 1.0, n=22, title="A preview"),
    ]


@pytest.fixture(scope="session")
def certification() -> Suite:
    """The shipped demo of certificates."""
    return load_suite("mnist16-certified")


@pytest.fixture(scope="session")
def certified(tmp_path_factory: pytest.TempPathFactory, certification: Suite) -> Path:
    """The folder of a site with one certified board: four full rows, a preview, a published log."""
    folder = tmp_path_factory.mktemp("certified")
    with Store.open(folder / "bench.db") as store:
        begin(store)
        for fake in plausible_smoothed():
            add_smoothed(store, certification, fake)
        add_log(store, certification, missing=73)
        build_site(store, folder / "site", [certification])
    return folder / "site"


@pytest.fixture(scope="session")
def smoothed(tmp_path_factory: pytest.TempPathFactory, certification: Suite) -> Iterator[Board]:
    """A small certified board: two methods of 60 images, and a published log; its store stays open."""
    with Store.open(tmp_path_factory.mktemp("smoothed") / "bench.db") as store:
        begin(store)
        for fake in plausible_smoothed()[:2]:
            add_smoothed(store, certification, replace(fake, n=60))
        add_log(store, certification, missing=73)
        yield load(store, [certification]).boards[0]
