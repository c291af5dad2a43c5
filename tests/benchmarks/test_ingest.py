"""How fast records go into the store, against SQLAlchemy's ORM with the same rows, tables and settings."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import insert, select
from sqlalchemy.orm import Session, registry

from trustdm.bench.records import Records
from trustdm.bench.store import reading, schema, writing
from trustdm.bench.store.rows import BlockRow, CellRow
from trustdm.bench.store.store import Store
from trustdm.bench.types import Block, CellIdentity, Cost, RunInfo

EXAMPLES = 2000
PROBES = ("clean", "pgd", "apgd-ce", "apgd-t", "fab-t", "square")
PAIRS = 5
GOAL = 10.0


class Row:
    """A record as an ORM object."""

    def __init__(self, **values: Any):
        for name, value in values.items():
            setattr(self, name, value)


registry().map_imperatively(Row, schema.record)


def block_row(block: Block) -> BlockRow:
    return BlockRow(block, "done", "run", "2025-01-01T00:00:00+00:00", 64, "cpu", 1, Cost())


def records(block: Block) -> Records:
    rng, examples = np.random.default_rng(block.start), np.arange(block.start, block.stop)
    n = len(block)
    return Records.concat(
        Records.of(
            probe,
            examples,
            rng.integers(0, 5, n),
            label=rng.integers(-1, 10, n),
            value=np.where(rng.random(n) < 0.2, np.nan, rng.normal(size=n)),
            norm=np.where(rng.random(n) < 0.2, np.nan, rng.random(n)),
        )
        for probe in PROBES
    )


def create(path: Path) -> tuple[Store, CellRow]:
    store = Store.open(path)
    store.begin_run(RunInfo("run", "2025-01-01T00:00:00+00:00", "", "", None))
    identity = CellIdentity("m", "1", (), (), "s", 1, "", "", "e", "p", "1", "", "", "float32", 0)
    cell = store.cell(identity, planned=2**30, code_digest="", card={"name": "m", "version": "1"}, suite_content="")
    with store.database.writing() as connection:
        connection.execute(insert(schema.probe), [{"name": name} for name in PROBES])
    return store, cell


def with_store(store: Store, cell: CellRow, block: Block, given: Records) -> None:
    assert store.commit(cell.id, block_row(block), given)


def with_orm(store: Store, cell: CellRow, block: Block, given: Records) -> None:
    """The same block with one object for each row, all added to a session."""
    with store.database.writing() as connection, Session(connection) as session:
        probes = {name: key for key, name in session.execute(select(schema.probe.c.id, schema.probe.c.name))}
        block_id = writing.add_block(connection, cell.id, block_row(block), len(given))
        columns = (getattr(given, c).tolist() for c in ("example", "draw", "probe", "status", "label", "value", "norm"))
        session.add_all(
            Row(
                cell_id=cell.id,
                block_id=block_id,
                example=example,
                draw=draw,
                probe_id=probes[probe],
                status=status,
                label=None if label < 0 else label,
                value=None if value != value else value,
                norm=None if norm != norm else norm,
            )
            for example, draw, probe, status, label, value, norm in zip(*columns, strict=True)
        )
        session.flush()


def blocks() -> list[Block]:
    return [Block(i * EXAMPLES, (i + 1) * EXAMPLES) for i in range(4 * PAIRS)]


def seconds(act: Callable[[], None]) -> float:
    before = time.perf_counter()
    act()
    return time.perf_counter() - before


def test_both_ways_store_the_same_rows(tmp_path: Path) -> None:
    """Not timed: the comparison below compares equal work."""
    block = Block(0, 50)
    given, found = records(block), []
    for name, way in (("ours", with_store), ("orm", with_orm)):
        store, cell = create(tmp_path / name / "bench.db")
        with store:
            way(store, cell, block, given)
            with store.database.reading() as connection:
                found.append(reading.records(connection, cell.id))
    assert found[0].equals(given)
    assert found[1].equals(given)


@pytest.mark.benchmark(group="ingest")
def test_ingest_against_the_orm(benchmark: Any, tmp_path: Path) -> None:
    """Ratio of pairs run in the order ABBA, each way in a database of its own."""
    ours, orm = create(tmp_path / "ours" / "bench.db"), create(tmp_path / "orm" / "bench.db")
    todo = iter([(block, records(block)) for block in blocks()])
    ratios = []
    with ours[0], orm[0]:
        for pair in range(2 * PAIRS):
            block, given = next(todo)
            act = {
                "ours": lambda block=block, given=given: with_store(*ours, block, given),
                "orm": lambda block=block, given=given: with_orm(*orm, block, given),
            }
            order = ("ours", "orm") if pair % 2 == 0 else ("orm", "ours")
            took = {name: seconds(act[name]) for name in order}
            ratios.append(took["orm"] / took["ours"])
        benchmark.pedantic(
            with_store, setup=lambda: ((*ours, *next(todo)), {}), rounds=PAIRS, iterations=1, warmup_rounds=0
        )
    rows = EXAMPLES * len(PROBES)
    benchmark.extra_info |= {
        "rows": rows,
        "rows_per_second": rows / benchmark.stats.stats.median,
        "ratio_to_orm": statistics.median(ratios),
        "ratio_low": min(ratios),
        "ratio_high": max(ratios),
        "goal": GOAL,
    }
    assert statistics.median(ratios) >= GOAL


@pytest.mark.benchmark(group="ingest")
def test_reading_back(benchmark: Any, tmp_path: Path) -> None:
    store, cell = create(tmp_path / "bench.db")
    with store:
        for block in blocks()[:5]:
            with_store(store, cell, block, records(block))
        found = benchmark.pedantic(store.records, (cell.id,), rounds=5)
        assert len(found) == 5 * EXAMPLES * len(PROBES)
        benchmark.extra_info["rows_per_second"] = len(found) / benchmark.stats.stats.median
