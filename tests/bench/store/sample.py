"""Cells, blocks and records for the tests of the store; also used by the processes that those tests start."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trustdm.bench.conforms import About, CheckOutcome, Conformance
from trustdm.bench.records import Records, failed
from trustdm.bench.store.account import CellAccount, Finding
from trustdm.bench.store.rows import AssetRow, BlockRow, CellRow, RunRow
from trustdm.bench.store.store import Store
from trustdm.bench.tasks.robustness.records_check import margin_fault
from trustdm.bench.types import Block, CellIdentity, Cost, RunInfo, Status


class Margins:
    """In the place of an examiner: looks at records as the protocols of attacks do, and at nothing else."""

    def run(self, run: RunRow) -> list[Finding]:
        return []

    def cell(self, cell: CellAccount) -> list[Finding]:
        found = ((block.row.block, margin_fault(block.records)) for block in cell.blocks)
        return [Finding("fault", words, "records", block) for block, words in found if words]

    def unread(self) -> list[str]:
        return []


CARD = {
    "name": "plain",
    "version": "2",
    "title": "Plain <b>net</b>",
    "tags": ["a", "é"],
    "input_shape": [1, 4, 4],
    "classes": 10,
}
CONTENT = 'name = "digits-linf"\n\n[budget]\neps = "1/10"\n'
FINISHED = "2025-01-02T03:04:05.678901+00:00"
EXTREMES = [-0.0, 0.0, 5e-324, -2.2250738585072014e-308, 0.1, 1 / 3, 1e300, float("inf"), -float("inf"), float("nan")]


def identity(**changes: Any) -> CellIdentity:
    """An identity; ``changes`` replace some of its fields."""
    values: dict[str, Any] = {
        "method": "plain",
        "method_version": "2",
        "method_params": (),
        "weights": ("0" * 64, "a" * 64),
        "suite": "digits-linf",
        "suite_version": 1,
        "suite_digest": "b" * 64,
        "data_digest": "c" * 64,
        "evaluation": "pgd40",
        "protocol": "adversarial",
        "protocol_version": "adversarial=1 pgd=1",
        "params": '{"attacks":[{"name":"pgd"}]}',
        "block_rule": "doubling 8 64",
        "precision": "float32",
        "seed": 0,
    }
    return CellIdentity(**(values | changes))


def cell(store: Store, *, fresh: bool = False, planned: int = 64, **changes: Any) -> CellRow:
    """A cell of the store."""
    create = store.fresh_cell if fresh else store.cell
    which = identity(**changes)
    card = CARD | {"name": which.method}
    return create(which, planned=planned, code_digest="code-1", card=card, suite_content=CONTENT)


def run(store: Store, name: str = "run-1", **facts: str) -> str:
    """A run of the store."""
    store.begin_run(RunInfo(name, FINISHED, f"trustdm run {name}", "f" * 40, None, facts))
    return name


def row(block: Block, run_id: str = "run-1", **changes: Any) -> BlockRow:
    """A block that is done."""
    cost = Cost(wall=0.1 + block.start, device=0.3, forwards=10 * len(block), gradients=2**40, memory=block.stop)
    values: dict[str, Any] = {
        "block": block,
        "status": "done",
        "run_id": run_id,
        "finished": FINISHED,
        "batch_size": 32,
        "device": "cpu",
        "attempts": 1,
        "cost": cost,
    }
    return BlockRow(**(values | changes))


def asset(name: str = "train", content: str = "e" * 64) -> AssetRow:
    """A prepared asset."""
    identity = f'{{"step":"{name}"}}'
    cost = Cost(wall=2.5, device=0.1, forwards=2**33, gradients=7, memory=5)
    return AssetRow(hashlib.sha256(identity.encode()).hexdigest(), content, identity, "code-2", 2**40, cost)


def conformance(cell: CellRow, lab: str, **changes: Any) -> Conformance:
    """An outcome of conformance checks of a cell's method: one passed, one failed, one does not apply."""
    it, code = cell.identity, cell.code_digest.partition("/")[0]
    about = About(it.method, it.method_version, it.method_params, it.weights, code, "classify", "5" * 64)
    checks = (
        CheckOutcome("check_logits", "passed"),
        CheckOutcome("check_repeatable", "failed", "expected the same logits é, got others"),
        CheckOutcome("check_noise_is_used", "skipped", "randomness is none"),
    )
    values: dict[str, Any] = {
        "uid": "c0" * 16,
        "lab": lab,
        "key": about.key,
        "about": about.text,
        "created": FINISHED,
        "device": "cpu",
        "seconds": 0.25,
        "checks": checks,
    }
    return Conformance(**(values | changes))


def records(block: Block, seed: int = 0) -> Records:
    """Two probes, the second with two draws; examples are not positions, and values are the hard ones.

    Every status follows from what stands beside it: where a margin is not finite, the method abstained.
    """
    rng, n = np.random.default_rng([seed, block.start]), len(block)
    examples = examples_of(block)
    values = _values(rng, n)
    clean = _judged(values)
    parts = [Records.of("clean", examples, clean, label=rng.integers(0, 10, n), value=values)]
    for draw in range(2):
        values, kind = _values(rng, n), rng.integers(0, 5, n)
        status = np.where(kind < Status.NOT_RUN, _judged(values), kind)
        status = np.where((status == Status.NOT_RUN) & (clean == Status.CORRECT) & (draw == 0), Status.FAILED, status)
        silent = (status == Status.NOT_RUN) | (status == Status.FAILED)
        label = np.where(silent, -1, rng.integers(0, 10, n))
        value, norm = (np.where(silent, np.nan, column) for column in (values, rng.random(n)))
        parts.append(Records.of("pgd é", examples, status, draw=draw, label=label, value=value, norm=norm))
    return Records.concat(parts)


def _judged(values: NDArray[np.float64]) -> NDArray[np.int64]:
    said = np.where(values > 0, Status.CORRECT, Status.WRONG)
    return np.where(np.isfinite(values), said, Status.ABSTAINED)


def examples_of(block: Block) -> NDArray[np.int64]:
    """The data set's indices of a block's positions: far apart, falling, beyond 32 bits."""
    return 2**33 - 7 * np.arange(block.start, block.stop)


def _values(rng: np.random.Generator, n: int) -> NDArray[np.float64]:
    values = rng.normal(size=n)
    values[: len(EXTREMES)] = EXTREMES[:n]
    return values


def arrays(block: Block) -> dict[str, NDArray[Any]]:
    """Arrays of several types and shapes, an empty one and a bare number included."""
    rng = np.random.default_rng(block.start)
    return {
        "x_adv": rng.random((len(block), 1, 4, 4)).astype(np.float32),
        "labels": rng.integers(0, 10, len(block)),
        "empty": np.zeros((0, 3), dtype=np.uint8),
        "number": np.array(1.5),
        "big endian": np.arange(3, dtype=">i2"),
    }


def bits(values: NDArray[np.float64]) -> list[bytes]:
    """The bytes of each value; every NaN is the same."""
    return [np.float64(np.nan if v != v else v).tobytes() for v in values]


def fill(store: Store) -> list[CellRow]:
    """A small store with all there is: two methods, params, attempts, failures, arrays, assets; returns its cells."""
    first, second = run(store, "run-1", machine="a"), run(store, "run-2")
    plain = cell(store)
    store.set_state_digest(plain.id, "d" * 64)
    for block in (Block(0, 8), Block(8, 16), Block(16, 32)):
        store.commit(plain.id, row(block, first), records(block), {"checked": len(block), "odd": 0.1}, arrays(block))
    again = cell(store, fresh=True)
    store.commit(again.id, row(Block(0, 8), second), records(Block(0, 8), seed=1))
    other = cell(store, method="other", method_params=(("eps", 0.1), ("steps", 4)), evaluation="clean")
    store.link_assets(other.id, {"weights": asset(), "statistics": asset("measure")})
    store.link_conformance(conformance(other, store.lab), [other.id])
    bad = row(Block(0, 8), second, status="failed", error="ContractError: expected finite logits, got NaN")
    store.commit(other.id, bad, failed(examples_of(Block(0, 8))))
    store.finish_run(first, 0)
    return store.cells()


def main(path: str, kind: str) -> None:
    """What a process of its own does: ``fill`` a store, or die while it commits."""
    with Store.open(Path(path)) as store:
        ACTIONS[kind](store)


def commit_many(store: Store) -> None:
    """Commits the same 40 blocks as every other process, and says which were its own."""
    target = cell(store, planned=320)
    name = run(store, f"run-{sys.argv[3]}")
    order = range(40) if sys.argv[3] == "0" else reversed(range(40))
    for i in order:
        block = Block(8 * i, 8 * i + 8)
        if store.commit(target.id, row(block, name), records(block), {"n": 1}, {"x": np.full(4, i)}):
            sys.stdout.write(f"{block.start}\n")
            sys.stdout.flush()


def commit_for_ever(store: Store) -> None:
    """Commits block after block, each announced once it is committed, until somebody kills the process."""
    target, i = cell(store, planned=2**30), 0
    name = run(store, f"run-{sys.argv[3]}")
    size = 2000
    for i in range(10**6):
        block = Block(size * i, size * i + size)
        if store.commit(target.id, row(block, name), records(block), {}, {"x": np.full(1000, i)}):
            sys.stdout.write(f"{block.start}\n")
            sys.stdout.flush()


def die_in_commit(store: Store) -> None:
    """Is killed with everything of the second block written but the commit itself."""
    import os
    import signal

    from trustdm.bench.store import writing

    target = cell(store)
    name = run(store, "run-1")
    store.commit(target.id, row(Block(0, 8), name), records(Block(0, 8)), {"n": 1}, arrays(Block(0, 8)))
    add = writing.add_artefacts

    def last(*arguments: Any) -> None:
        add(*arguments)
        os.kill(os.getpid(), signal.SIGKILL)

    writing.add_artefacts = last
    store.commit(target.id, row(Block(8, 16), name), records(Block(8, 16)), {"n": 1}, arrays(Block(8, 16)))


ACTIONS = {"many": commit_many, "for-ever": commit_for_ever, "die": die_in_commit, "fill": fill}

if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
