"""How long the pages of a board with 1,000 rows take; run with ``pytest --benchmark-only tests/benchmarks``.

Every row is a method with its own page, 64 examples under three evaluations and the records of a robust model. The
rows are summed up before the clock starts: this measures pages, not statistics.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trustdm.bench.hashing import canonical_json
from trustdm.bench.plugins import load_suite
from trustdm.bench.records import CellResult, Records
from trustdm.bench.store.rows import BlockRow, CellRow
from trustdm.bench.suite.load import Suite
from trustdm.bench.summary import rows as summary
from trustdm.bench.types import Block, CellIdentity, Cost, Origin, Status, Verification
from trustdm.leaderboard.boards import Board, Entry, Part, Site
from trustdm.leaderboard.build import SiteReport, publish

ROWS = 1000
PAGES = ROWS + 2
COST = Cost(1.3, 1.2, 64 * 7852, 64 * 1910, 91 << 20)


def part(suite: Suite, evaluation: str, cell_id: int) -> Part:
    spec = suite.evaluations[evaluation]
    ids = suite.test[:64]
    attacks = [str(a["name"]) for a in spec.params.get("attacks", ())]
    status = np.where(np.arange(64) % 3, Status.CORRECT, Status.WRONG)
    records = Records.concat(
        Records.of(probe, ids, status, label=ids % 10, value=np.linspace(-1, 3, 64)) for probe in ["clean", *attacks]
    )
    identity = CellIdentity(
        method="m",
        method_version="1",
        method_params=(),
        weights=(),
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
    card: dict[str, object] = {"title": "A method", "authors": ["A. Author"], "tags": ["training"], "classes": 10}
    result = CellResult(cell_id, identity, len(suite.test), card, records, COST)
    cell = CellRow(
        id=cell_id,
        uid="u",
        lab="l",
        key="ab" * 32,
        attempt=1,
        identity=identity,
        planned=len(suite.test),
        code_digest="cd" * 32,
        state_digest=None,
        origin=Origin.MEASURED,
        verification=Verification.UNVERIFIED,
        supersedes=None,
        superseded=False,
        created="2026-11-20",
        card=card,
        suite_content="{}",
    )
    block = BlockRow(Block(0, 64), "done", "r", "2026-11-20T09:00:00+00:00", 64, "cpu", 1, COST)
    return Part(result, cell, (block,), None)


@pytest.fixture(scope="module")
def site() -> Site:
    suite = load_suite("mnist16-linf")
    parts = tuple(part(suite, name, at) for at, name in enumerate(suite.evaluations, 1))
    (row,) = summary.rows(suite, [p.result for p in parts])
    names = [f"method-{at:04d}" for at in range(ROWS)]
    entries = (Entry(replace(row, method=n, card={**row.card, "title": f"Method {n}"}), parts) for n in names)
    return Site((Board(suite, tuple(entries)),))


def test_the_board_that_is_timed_can_be_built(site: Site, tmp_path: Path) -> None:
    """Not timed, so that the benchmarks below cannot rot unseen."""
    (board,) = site.boards
    report = publish(Site((replace(board, entries=board.entries[:2]),)), tmp_path)
    assert report.written == PAGES - ROWS + 2


def test_all_pages_of_a_thousand_rows(benchmark: Any, site: Site, tmp_path: Path) -> None:
    folders = iter(tmp_path / str(at) for at in range(1000))
    report: SiteReport = benchmark.pedantic(lambda: publish(site, next(folders)), rounds=2, iterations=1)
    assert (report.written, report.unchanged) == (PAGES, 0)


def test_building_again_rewrites_no_page(benchmark: Any, site: Site, tmp_path: Path) -> None:
    publish(site, tmp_path)
    report: SiteReport = benchmark.pedantic(lambda: publish(site, tmp_path), rounds=2, iterations=1)
    assert (report.written, report.unchanged) == (0, PAGES)
